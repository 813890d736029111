internal import Synchronization
internal import WeirPluginABI

/// The node's objects, as Codable types or as JSON.
public struct Objects: Sendable {
    let table: HostTable
    let operation: UInt64

    /// Which part of an object a write is about.
    public enum Part: UInt32, Sendable {
        /// Everything but the status.
        case main = 0
        /// The status only.
        case status = 1
    }

    /// The object.
    public func get<Value: Decodable>(
        _ kind: String, _ name: String, in namespace: String = "default", as type: Value.Type = Value.self
    ) throws -> Value {
        let bytes = try table.result { result in
            Lent.three(kind, namespace, name) {
                table.pointee.object_get(table.host, operation, $0, $1, $2, result)
            }
        }
        return try JSON.decode(type, bytes)
    }

    /// Objects of a kind.
    public func list<Value: Decodable>(_ selection: Selection, as type: Value.Type = Value.self) throws -> List<Value> {
        let query = try JSON.encode(selection)
        let bytes = try table.result { result in
            Lent.bytes(query) { table.pointee.object_list(table.host, operation, $0, result) }
        }
        return try JSON.decode(List<Value>.self, bytes)
    }

    /// Stores a new object; gives it as stored.
    @discardableResult
    public func create<Value: Codable>(_ object: Value) throws -> Value {
        let json = try JSON.encode(object)
        let bytes = try table.result { result in
            Lent.bytes(json) { table.pointee.object_create(table.host, operation, $0, result) }
        }
        return try JSON.decode(Value.self, bytes)
    }

    /// Replaces an object, or its status; gives it as stored.
    ///
    /// What the type does not name is lost: `patch` changes only what it says.
    @discardableResult
    public func update<Value: Codable>(_ object: Value, _ part: Part = .main) throws -> Value {
        let json = try JSON.encode(object)
        let bytes = try table.result { result in
            Lent.bytes(json) { table.pointee.object_update(table.host, operation, $0, part.rawValue, result) }
        }
        return try JSON.decode(Value.self, bytes)
    }

    /// Changes an object: members of `change` replace, null removes (RFC 7396).
    public func merge(
        _ change: some Encodable, into kind: String, _ name: String, in namespace: String = "default",
        _ part: Part = .main
    ) throws {
        try patch(WEIR_PATCH_MERGE, try JSON.encode(change), kind, name, namespace, part)
    }

    /// Makes an object, or makes it as `object` wants it, as `weir apply` does.
    public func apply(_ object: some Encodable, _ kind: String, _ name: String, in namespace: String = "default") throws
    {
        try patch(WEIR_PATCH_APPLY, try JSON.encode(object), kind, name, namespace, .main)
    }

    private func patch(
        _ type: Int32, _ json: [UInt8], _ kind: String, _ name: String, _ namespace: String, _ part: Part
    ) throws {
        _ = try table.result { result in
            Lent.bytes(json) { json in
                Lent.three(kind, namespace, name) {
                    table.pointee.object_patch(
                        table.host, operation, $0, $1, $2, UInt32(type), json, part.rawValue, result)
                }
            }
        }
    }

    /// Asks for an object to go.
    public func delete(_ kind: String, _ name: String, in namespace: String = "default") throws {
        _ = try table.result { result in
            Lent.three(kind, namespace, name) {
                table.pointee.object_delete(table.host, operation, $0, $1, $2, weir_bytes(), result)
            }
        }
    }

    /// Tells `body` of every change after a version, one at a time, on a thread of the host; at last of the end.
    public func watch(
        _ selection: Selection, after version: String = "0", _ body: @escaping @Sendable (WatchEvent) -> Void
    ) throws -> Watch {
        let query = try JSON.encode(selection)
        let context = Unmanaged.passRetained(WatchBody(body))
        var watch: weir_handle = 0
        do {
            _ = try table.result { error in
                Lent.bytes(query) {
                    table.pointee.object_watch(
                        table.host, $0, UInt64(version) ?? 0, WatchBody.tell, context.toOpaque(), &watch, error)
                }
            }
        } catch {
            context.release()
            throw error
        }
        return Watch(table: table, handle: watch)
    }
}

/// Which objects are meant.
public struct Selection: Sendable, Encodable {
    var kind: String
    var namespace: String?
    var labels: String?
    var fields: String?
    var limit: Int?
    var `continue`: String?

    /// The objects of a kind; nil namespace: of all.
    public init(
        _ kind: String, in namespace: String? = nil, labels: String? = nil, fields: String? = nil, limit: Int? = nil,
        continueToken: String? = nil
    ) {
        self.kind = kind
        self.namespace = namespace
        self.labels = labels
        self.fields = fields
        self.limit = limit
        self.continue = continueToken
    }
}

/// Objects of a list.
public struct List<Item: Decodable>: Decodable {
    struct Metadata: Decodable {
        var resourceVersion: String
        var `continue`: String?
    }

    /// The objects.
    public let items: [Item]
    let metadata: Metadata

    /// The version to watch from.
    public var resourceVersion: String { metadata.resourceVersion }

    /// What to ask for the next page with; nil: this was the last.
    public var continueToken: String? { metadata.continue }
}

extension List: Sendable where Item: Sendable {}

/// What a watch tells.
public enum WatchEvent: Sendable {
    /// It was created; the object as JSON.
    case added([UInt8])
    /// It was changed; the object as JSON.
    case modified([UInt8])
    /// It is gone; the object as it last was.
    case deleted([UInt8])
    /// Nothing more comes. `expired`: list again, and watch from there.
    case ended(HostError.Code)

    /// The object as a type; nil at the end.
    public func object<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value? {
        switch self {
        case .added(let json), .modified(let json), .deleted(let json): try JSON.decode(type, json)
        case .ended: nil
        }
    }
}

/// A watch that is open.
public struct Watch: Sendable {
    let table: HostTable
    let handle: UInt64

    /// Ends it; events that are under way, and the end, may still be told.
    public func end() { _ = table.pointee.watch_end(table.host, handle) }
}

/// What a watch calls, behind the pointer that the host hands back.
private final class WatchBody: Sendable {
    private let body: @Sendable (WatchEvent) -> Void

    init(_ body: @escaping @Sendable (WatchEvent) -> Void) {
        self.body = body
    }

    static let tell: weir_watch_fn = { context, event in
        guard let context, let event = event?.pointee else { return }
        let watch = Unmanaged<WatchBody>.fromOpaque(context)
        let json = event.object.copied ?? []
        switch Int32(bitPattern: event.change) {
        case WEIR_WATCH_ADDED: watch.takeUnretainedValue().body(.added(json))
        case WEIR_WATCH_MODIFIED: watch.takeUnretainedValue().body(.modified(json))
        case WEIR_WATCH_DELETED: watch.takeUnretainedValue().body(.deleted(json))
        case WEIR_WATCH_END:
            // The last call: the context is the plugin's again.
            watch.takeRetainedValue().body(.ended(HostError.Code(rawValue: event.code)))
        default: break
        }
    }
}
