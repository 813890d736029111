internal import ObjectStore

/// `Configuration` objects: what was set while the node runs, for one resource that is no topic.
enum ConfigurationObject {
    static let definition = KindDefinition(
        TopicObject.apiVersion, "Configuration", shortNames: ["conf"], nameRule: .pathSegment)
    static var kind: ObjectKind { definition.kind }
    static let namespace = "default"

    /// How long a resource's name may be before its end is replaced by a hash, in bytes as it is written.
    private static let nameBytesMax = 180

    /// The object's name: unique for the resource, and legible where the resource's name is.
    ///
    /// Letters, digits, `.`, `_` and `-` stand for themselves, other bytes for `~` and two hexadecimal digits.
    static func key(_ resource: ConfigurationResource) -> ObjectKey {
        var name = ""
        for byte in (resource.name.isEmpty ? "default" : resource.name).utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                name.unicodeScalars.append(Unicode.Scalar(byte))
            default: name += "~" + hexadecimal(UInt64(byte), digits: 2)
            }
        }
        // The default of all brokers, and one that is called so, are two things.
        if resource.name == "default" { name += "~" }
        if name.utf8.count > nameBytesMax {
            name = "\(name.prefix(nameBytesMax))~~\(hexadecimal(hash(resource.name), digits: 16))"
        }
        return ObjectKey(kind, namespace: namespace, name: "\(resource.typeName):\(name)")
    }

    private static func hexadecimal(_ number: UInt64, digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// FNV-1a: the same in every process.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    static func make(_ resource: ConfigurationResource, _ config: [String: String]) -> Object {
        let key = key(resource)
        return Object(
            apiVersion: TopicObject.apiVersion, kind: kind.name,
            metadata: ObjectMetadata(name: key.name, namespace: key.namespace),
            content: ["spec": spec(resource, config)])
    }

    static func spec(_ resource: ConfigurationResource, _ config: [String: String]) -> JSONValue {
        [
            "type": .string(resource.typeName), "name": .string(resource.name),
            "config": .object(config.mapValues { .string($0) }),
        ]
    }

    /// The resource and what is set for it; nil where the object does not say.
    static func content(of object: Object) -> (resource: ConfigurationResource, config: [String: String])? {
        guard let spec = object.spec, let type = spec["type"]?.stringValue.flatMap(ConfigurationResource.type(named:)),
            let name = spec["name"]?.stringValue
        else { return nil }
        let config = (spec["config"]?.objectValue ?? [:]).compactMapValues(TopicSpec.text)
        return (ConfigurationResource(type: type, name: name), config)
    }
}

extension ConfigurationResource {
    private static let types: [(type: Int8, name: String)] = [
        (Kind.broker, "broker"), (Kind.clientMetrics, "client-metrics"), (Kind.group, "group"),
        (Kind.features, "features"),
    ]

    /// The name of its type in objects.
    var typeName: String { Self.types.first { $0.type == type }?.name ?? "\(type)" }

    static func type(named name: String) -> Int8? { types.first { $0.name == name }?.type }
}

/// What a `Configuration` object must be to be stored, whoever writes it.
struct ConfigurationAdmission: Admission {
    let settings: LiveSettings
    let nodeID: Int32

    var kind: ObjectKind { ConfigurationObject.kind }

    func admit(_ object: Object, replacing stored: Object?) throws(ObjectError) -> Object {
        if object.metadata.isBeingDeleted || object.spec == stored?.spec { return object }
        guard let (resource, config) = ConfigurationObject.content(of: object) else {
            throw .invalid(
                object.key,
                [
                    ObjectError.Cause(
                        "spec", "must have a type (broker, client-metrics, features or group), a name and a config")
                ])
        }
        let key = ConfigurationObject.key(resource)
        guard key.name == object.metadata.name, key.namespace == object.metadata.namespace else {
            throw .invalid(
                object.key,
                [ObjectError.Cause("metadata.name", "must be \(key.name), in the namespace \(key.namespace)")])
        }
        do throws(TopicError) {
            try resource.check(config, settings.current, nodeID: nodeID)
        } catch {
            throw .invalid(object.key, [ObjectError.Cause("spec.config", error.message)])
        }
        return object
    }
}

/// A `Configuration` object, as reconcilers read it.
struct StoredConfiguration: Resource {
    static let definition = ConfigurationObject.definition

    /// For which resource, and what is set.
    struct Spec: Codable, Sendable, Hashable {
        var type: String
        var name: String
        var config: [String: String]
    }

    var metadata: ObjectMetadata
    var spec: Spec
}
