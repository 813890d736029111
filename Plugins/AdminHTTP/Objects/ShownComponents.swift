import ObjectStore
import WeirRuntime

/// The objects of a store, and beside them the runtime's components as objects of the kind `Component`.
///
/// Components are read only and never stored: each is what the runtime shows at the moment of the request.
struct ShownComponents: ObjectAccess {
    private static let kind = ComponentObject.definition.kind

    private let objects: any ObjectAccess
    private let runtime: Runtime
    private let node: String

    init(_ objects: any ObjectAccess, runtime: Runtime, node: String) {
        self.objects = objects
        self.runtime = runtime
        self.node = node
    }

    func get(_ key: ObjectKey) async throws -> Object {
        guard key.kind == Self.kind else { return try await objects.get(key) }
        guard let found = try components().first(where: { $0.metadata.name == key.name }) else {
            throw ObjectError(.notFound, "Component '\(key.name)' not found")
        }
        return found
    }

    func list(_ query: ListQuery) async throws -> ObjectPage {
        guard query.selection.kind == Self.kind else { return try await objects.list(query) }
        // All at once, whatever the limit: there are few, and none is stored.
        var page = try await objects.list(ListQuery(query.selection))
        page.objects = try components().filter(query.selection.matches)
        page.continueToken = nil
        return page
    }

    func create(_ object: Object) async throws -> Object {
        try Self.refuseChange(of: object.objectKind)
        return try await objects.create(object)
    }

    func update(_ object: Object, _ part: ObjectPart) async throws -> Object {
        try Self.refuseChange(of: object.objectKind)
        return try await objects.update(object, part)
    }

    func patch(_ key: ObjectKey, _ patch: ObjectPatch, _ part: ObjectPart) async throws -> Object {
        try Self.refuseChange(of: key.kind)
        return try await objects.patch(key, patch, part)
    }

    func delete(_ key: ObjectKey, _ options: DeleteOptions) async throws -> Object {
        try Self.refuseChange(of: key.kind)
        return try await objects.delete(key, options)
    }

    func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        guard query.selection.kind == Self.kind else { return try await objects.watch(query, after: version) }
        throw ObjectError(.forbidden, "components cannot be watched as objects; `weir work --watch` shows them change")
    }

    func kinds() async throws -> [KindDefinition] { try await objects.kinds() }

    private static func refuseChange(of kind: ObjectKind) throws(ObjectError) {
        guard kind == Self.kind else { return }
        throw ObjectError(.forbidden, "components show what runs and cannot be changed; `weir drain` drains one")
    }

    private func components() throws -> [Object] {
        try runtime.snapshot().components.map { component in
            // A name is one step of a path: `reconcile/topics` is `reconcile.topics` there.
            let name = component.name.replacing("/", with: ".")
            let counts = component.counts
            return try Object(
                ComponentObject(
                    metadata: ObjectMetadata(name: name),
                    spec: ComponentObject.Spec(node: node, component: component.name),
                    status: ComponentObject.Status(
                        phase: Self.phase(component.state),
                        message: "\(counts.inFlight) in flight, \(counts.sessions) sessions, \(counts.loops) loops")))
        }
    }

    /// The state in Kubernetes' spelling: `read-only` is `ReadOnly`.
    private static func phase(_ state: ComponentState) -> String {
        state.rawValue.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}
