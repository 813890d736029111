internal import ObjectStore
internal import Reconciling
internal import Synchronization
internal import WeirRuntime

/// Kinds that are known only when a plugin names them, as the types that reconcilers ask for.
///
/// A reconciler is made for a Swift type whose kind is static. So each kind of a plugin is given a number, and each
/// number a type, written in binary: `Odd<Even<First>>` is 5. The types are made by Swift's runtime when they are asked
/// for; there are as many as kinds were ever named.
enum KindSlots {
    private static let kinds = Mutex<[ObjectKind]>([])

    /// The type for a kind.
    static func slot(for kind: ObjectKind) -> any KindSlot.Type {
        let number = kinds.withLock { kinds in
            if let index = kinds.firstIndex(of: kind) { return index + 1 }
            kinds.append(kind)
            return kinds.count
        }
        return type(number)
    }

    /// The kind of a number.
    static func kind(_ number: Int) -> ObjectKind { kinds.withLock { $0[number - 1] } }

    private static func type(_ number: Int) -> any KindSlot.Type {
        guard number > 1 else { return First.self }
        let half = type(number / 2)
        return number.isMultiple(of: 2) ? even(half) : odd(half)
    }

    private static func even<Half: KindSlot>(_ half: Half.Type) -> any KindSlot.Type { Even<Half>.self }
    private static func odd<Half: KindSlot>(_ half: Half.Type) -> any KindSlot.Type { Odd<Half>.self }
}

/// A number as a type.
protocol KindSlot: SendableMetatype {
    static var number: Int { get }
}

private enum First: KindSlot {
    static var number: Int { 1 }
}

private enum Even<Half: KindSlot>: KindSlot {
    static var number: Int { Half.number * 2 }
}

private enum Odd<Half: KindSlot>: KindSlot {
    static var number: Int { Half.number * 2 + 1 }
}

/// An object of the kind that a number stands for, whatever it has in it.
struct PluginObject<Slot: KindSlot>: Resource {
    static var definition: KindDefinition {
        let kind = KindSlots.kind(Slot.number)
        // The version is never asked for: objects are read by kind, and written by the plugin.
        return KindDefinition(kind.group.isEmpty ? "v1" : "\(kind.group)/v1", kind.name)
    }

    var object: Object

    var metadata: ObjectMetadata {
        get { object.metadata }
        set { object.metadata = newValue }
    }

    init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Member.self)
        object = Object(
            apiVersion: try members.decode(String.self, forKey: .apiVersion),
            kind: try members.decode(String.self, forKey: .kind),
            metadata: try members.decode(ObjectMetadata.self, forKey: .metadata))
        for key in members.allKeys where !Member.ofObject.contains(key) {
            object.content[key.stringValue] = try members.decode(JSONValue.self, forKey: key)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: Member.self)
        try members.encode(object.apiVersion, forKey: .apiVersion)
        try members.encode(object.kind, forKey: .kind)
        try members.encode(object.metadata, forKey: .metadata)
        for (name, value) in object.content { try members.encode(value, forKey: Member(stringValue: name)) }
    }
}

/// The name of a member, whatever it is.
private struct Member: CodingKey, Hashable {
    static let apiVersion = Member(stringValue: "apiVersion")
    static let kind = Member(stringValue: "kind")
    static let metadata = Member(stringValue: "metadata")
    static let ofObject: Set<Member> = [apiVersion, kind, metadata]

    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) {
        self.stringValue = stringValue
    }

    init?(intValue: Int) {
        nil
    }
}

extension KindSlot {
    /// Starts a reconciler of the kind; returns its component's name once it works.
    static func start(
        _ reconciler: PluginReconciler, _ runtime: Runtime, _ component: String, _ settings: PluginSettings,
        _ plugin: String
    ) async throws -> String {
        let kind = KindSlots.kind(number)
        let handle = try runtime.reconcile(
            PluginObject<Self>.self, .name("\(plugin)/\(kind.description.lowercased())"), .dependsOn(component),
            .maxConcurrent(settings.maxConcurrent)
        ) { request -> ReconcileResult in
            try await reconciler.reconcile(
                request.key, request.object?.object, failures: max(0, request.attempt - 1))
        }
        try await handle.started()
        return handle.name
    }
}
