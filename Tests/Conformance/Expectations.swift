import ObjectStore

/// Throws unless the two are equal.
func expect<Value: Equatable>(_ found: Value, is wanted: Value, _ what: @autoclosure () -> String) throws {
    guard found != wanted else { return }
    throw ContractViolation("\(what()): found \(found), wanted \(wanted)")
}

/// Throws unless it holds.
func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    guard !condition else { return }
    throw ContractViolation(what())
}

/// Throws unless there is a value.
func require<Value>(_ value: Value?, _ what: @autoclosure () -> String) throws -> Value {
    guard let value else { throw ContractViolation(what()) }
    return value
}

/// Throws unless `body` throws an `ObjectError` of that reason; returns it.
@discardableResult
func expect<Success>(
    _ reason: ObjectError.Reason, _ what: String, _ body: () async throws -> Success
) async throws -> ObjectError {
    let success: Success
    do {
        success = try await body()
    } catch let error as ObjectError {
        try expect(error.reason.label, is: reason.label, "\(what): the reason of '\(error)'")
        return error
    } catch {
        throw ContractViolation("\(what): threw \(type(of: error)) \(error), wanted an ObjectError \(reason.label)")
    }
    throw ContractViolation("\(what): gave \(success), wanted the error \(reason.label)")
}

/// Objects for the checks.
enum Sample {
    static let widget = ObjectKind(group: "example.com", name: "Widget")
    static let gadget = ObjectKind(group: "example.com", name: "Gadget")

    static func object(
        _ name: String, in namespace: String = "default", kind: ObjectKind = widget, uid: String? = nil,
        labels: [String: String] = [:], size: Int64 = 1, color: String = "red"
    ) -> Object {
        var object = Object(
            apiVersion: "\(kind.group)/v1", kind: kind.name,
            metadata: ObjectMetadata(name: name, namespace: namespace, labels: labels),
            content: ["spec": ["size": .integer(size), "color": .string(color)]])
        object.metadata.uid = uid ?? "uid-of-\(name)"
        return object
    }

    static func key(_ name: String, in namespace: String = "default", kind: ObjectKind = widget) -> ObjectKey {
        ObjectKey(kind, namespace: namespace, name: name)
    }
}

extension Object {
    func with(size: Int64) -> Object {
        var object = self
        object.spec = (object.spec ?? [:])
        object.spec?["size"] = .integer(size)
        return object
    }

    func with(labels: [String: String]) -> Object {
        var object = self
        object.metadata.labels = labels
        return object
    }

    var size: Int64? { spec?["size"]?.integerValue }
    var version: ResourceVersion { metadata.resourceVersion ?? .zero }
    var name: String { metadata.name }

    /// But for the version, which the storage gives.
    func isSame(as other: Object) -> Bool {
        var left = self
        var right = other
        left.metadata.resourceVersion = nil
        right.metadata.resourceVersion = nil
        return left == right
    }
}

/// Reads a watch's events one after another.
final class EventReader {
    private var iterator: WatchStream.Iterator

    init(_ stream: WatchStream) {
        iterator = stream.makeAsyncIterator()
    }

    /// The next event; bookmarks are passed over.
    func next() async throws -> WatchEvent {
        while true {
            guard let event = try await iterator.next() else { throw ContractViolation("the watch ended") }
            if event.change != .bookmark { return event }
        }
    }

    /// The next event, whatever it is; nil at the end.
    func nextOfAny() async throws -> WatchEvent? { try await iterator.next() }

    /// Checks what comes next.
    @discardableResult
    func expect(_ change: WatchEvent.Change, _ name: String, at version: ResourceVersion? = nil) async throws -> Object
    {
        let event = try await next()
        let object = try require(event.object, "an event that is no bookmark has an object")
        let found = "\(event.change.rawValue) \(object.name)"
        try StorageConformance.expect(
            found, is: "\(change.rawValue) \(name)", "the next event, at \(event.resourceVersion)")
        if let version { try StorageConformance.expect(event.resourceVersion, is: version, "the version of \(found)") }
        try StorageConformance.expect(
            object.version, is: event.resourceVersion, "the version of the object in \(found) and of its event")
        return object
    }
}

extension Storage {
    func watch(_ selection: ObjectSelection = ObjectSelection(), after version: ResourceVersion) async throws
        -> EventReader
    {
        EventReader(try await watch(WatchQuery(selection), after: version))
    }

    func list(_ selection: ObjectSelection, limit: Int? = nil, token: String? = nil) async throws -> ObjectPage {
        try await list(ListQuery(selection, limit: limit, continueToken: token))
    }

    /// The names of a list, in its order.
    func names(_ selection: ObjectSelection) async throws -> [String] {
        try await list(selection).objects.map(\.name)
    }
}
