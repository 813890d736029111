internal import ObjectStore
internal import Synchronization

/// Follows the objects of a kind through an informer that others may share, and brings the keys their changes are about.
final class KindSource<Content: Resource>: ReconcileSource {
    /// What the kind is to the reconciler.
    enum Role: String, Sendable {
        case reconciled
        case owned
        case watched
    }

    private struct State: Sendable {
        var informer: Informer<Content>?
        var handler: InformerHandlerID?
    }

    let name: String
    private let predicate: ChangePredicate<Content>
    private let context: SourceContext
    private let keysOf: @Sendable (Content) -> [ObjectKey]
    private let state = Mutex(State())

    init(
        role: Role, when predicate: ChangePredicate<Content>, in context: SourceContext,
        keys: @escaping @Sendable (Content) -> [ObjectKey]
    ) {
        self.predicate = predicate
        self.context = context
        keysOf = keys
        let kind = Content.definition.kind.description
        name = role == .reconciled ? kind : "\(kind) (\(role.rawValue))"
    }

    /// The object as it was seen last; nil where there is none.
    func object(_ key: ObjectKey) -> Content? {
        state.withLock { $0.informer }?.get(key)
    }

    /// The keys of all objects that are there.
    func keys() -> [ObjectKey] { state.withLock { $0.informer }?.list().flatMap(keysOf) ?? [] }

    func start() async throws {
        let namespace: String? =
            switch Content.definition.scope {
            case .namespaced: context.namespace
            case .cluster: nil
            }
        let informer = context.informers.informer(Content.self, in: namespace)
        let handler = informer.addHandler { [weak self] in self?.take($0) }
        state.withLock { $0 = State(informer: informer, handler: handler) }
        try await informer.synced()
    }

    func stop() async {
        let left = state.withLock { state in
            defer { state = State() }
            return state
        }
        guard let informer = left.informer else { return }
        if let handler = left.handler { informer.removeHandler(handler) }
        context.informers.release(informer)
    }

    private func take(_ change: ResourceChange<Content>) {
        let seen: ObjectChange<Content>
        var priority = QueuePriority.normal
        switch change.change {
        case .added(let new):
            seen = ObjectChange(old: nil, new: new)
            // It may be there for long: what just happened overtakes it.
            if change.source == .list { priority = .low }
        case .updated(let old, let new): seen = ObjectChange(old: old, new: new)
        case .deleted(let old): seen = ObjectChange(old: old, new: nil)
        }
        guard predicate.matches(seen) else { return }
        var keys = seen.new.map(keysOf) ?? []
        if let old = seen.old {
            // Where an object moved from one to another, both are to look at it.
            for key in keysOf(old) where !keys.contains(key) { keys.append(key) }
        }
        context.keys.add(keys, priority)
    }
}
