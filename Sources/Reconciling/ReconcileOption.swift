public import ObjectStore
public import WeirRuntime

/// What a reconciler watches beside its own kind, and how it works.
///
/// ```swift
/// try runtime.reconcile(
///     Topic.self, .owns(Partition.self), .maxConcurrent(8), .timeout(.seconds(30))
/// ) { request in … }
/// ```
public struct ReconcileOption<Content: Resource>: Sendable {
    let apply: @Sendable (inout ReconcilerSettings<Content>) -> Void

    init(_ apply: @escaping @Sendable (inout ReconcilerSettings<Content>) -> Void) {
        self.apply = apply
    }

    // MARK: What brings a key

    /// Only such changes of the kind itself.
    public static func when(_ predicate: ChangePredicate<Content>) -> Self {
        Self { $0.predicate = $0.predicate.map { $0.and(predicate) } ?? predicate }
    }

    /// Only objects of this namespace.
    public static func namespace(_ namespace: String) -> Self {
        Self { $0.namespace = namespace }
    }

    /// Also changes of objects that one of the kind owns: they bring the owner's key.
    ///
    /// The owner is the one that the owner reference with `controller: true` names.
    public static func owns<Owned: Resource>(
        _ type: Owned.Type, when predicate: ChangePredicate<Owned> = .everything
    ) -> Self {
        Self { settings in
            let owner = Content.definition
            settings.kinds.append(Owned.definition)
            settings.sources.append {
                KindSource<Owned>(role: .owned, when: predicate, in: $0) { owned in
                    owned.metadata.controllerKey(of: owner).map { [$0] } ?? []
                }
            }
        }
    }

    /// Also changes of objects of another kind: they bring the keys that `keys` gives.
    ///
    /// Of a change it is asked for the object as it was and as it is. It runs on the source's task, one change after
    /// another, and neither waits nor calls out.
    public static func watches<Other: Resource>(
        _ type: Other.Type, when predicate: ChangePredicate<Other> = .everything,
        keys: @escaping @Sendable (Other) -> [ObjectKey]
    ) -> Self {
        Self { settings in
            settings.kinds.append(Other.definition)
            settings.sources.append { KindSource<Other>(role: .watched, when: predicate, in: $0, keys: keys) }
        }
    }

    // MARK: How it works

    /// What the reconciler is called: the component is `reconcile/<name>`. The kind's small name, unless given.
    public static func name(_ name: String) -> Self { Self { $0.name = name } }

    /// How many keys are reconciled at once, each by one; 1 unless given.
    public static func maxConcurrent(_ count: Int) -> Self {
        precondition(count > 0, "a reconciler has at least one worker")
        return Self { $0.workerCount = count }
    }

    /// How long one reconcile may take before its task is cancelled; for ever unless given.
    public static func timeout(_ limit: Duration) -> Self { Self { $0.timeout = limit } }

    /// How long a key waits after failures; 5 ms to 1,000 s unless given.
    public static func backoff(_ backoff: Backoff) -> Self { Self { $0.backoff = backoff } }

    /// How long the start waits for all sources to have listed what there is; 2 minutes unless given.
    public static func syncTimeout(_ limit: Duration) -> Self { Self { $0.syncTimeout = limit } }

    /// How long reconciles may take to end when the reconciler drains; the plan's unless given.
    public static func drainDeadlines(_ deadlines: Deadlines) -> Self { Self { $0.drainDeadlines = deadlines } }

    /// Other components that reconciles call: started before it, drained after it.
    public static func dependsOn(_ names: String...) -> Self { Self { $0.dependencies += names } }

    /// Who of several nodes reconciles; this one unless given.
    public static func leaderElection(_ election: any LeaderElection) -> Self { Self { $0.election = election } }

    /// Failures are told as Warning events of the object too, not only logged.
    public static var failureEvents: Self { Self { $0.recordsFailures = true } }

    // MARK: Clean-up

    /// What is to be done before an object may go.
    ///
    /// The finalizer is put on each object before its first reconcile. When somebody asks for the deletion, `cleanUp`
    /// runs in place of the reconciler's body, again and again until it does not throw; then the finalizer is taken
    /// off. Several finalizers clean up in the order in which they were given.
    public static func finalizer(
        _ name: String, cleanUp: @escaping @Sendable (ReconcileRequest<Content>, Content) async throws -> Void
    ) -> Self {
        Self { $0.finalizers.append(Finalizer(name: name, cleanUp: cleanUp)) }
    }
}

/// A name on an object that holds back its deletion, and what is done before the name is taken off.
struct Finalizer<Content: Resource>: Sendable {
    var name: String
    var cleanUp: @Sendable (ReconcileRequest<Content>, Content) async throws -> Void
}

/// What a reconciler's options come to.
struct ReconcilerSettings<Content: Resource>: Sendable {
    var name = Content.definition.singular
    var dependencies = ["informers", "events", "objects"]
    var predicate: ChangePredicate<Content>?
    var namespace: String?
    var sources: [@Sendable (SourceContext) -> any ReconcileSource] = []
    /// The kinds of the sources, to be made known to the store.
    var kinds: [KindDefinition] = []
    var workerCount = 1
    var timeout: Duration?
    var backoff = Backoff()
    var syncTimeout = Duration.seconds(120)
    var drainDeadlines: Deadlines?
    var election: (any LeaderElection)?
    var recordsFailures = false
    var finalizers: [Finalizer<Content>] = []

    init(_ options: [ReconcileOption<Content>]) {
        for option in options { option.apply(&self) }
    }
}

extension ObjectMetadata {
    /// The key of the owner that manages the object, where it is of the kind.
    func controllerKey(of owner: KindDefinition) -> ObjectKey? {
        guard let reference = ownerReferences.first(where: { $0.controller == true }) else { return nil }
        guard ObjectKind(apiVersion: reference.apiVersion, kind: reference.kind) == owner.kind else { return nil }
        let namespace =
            switch owner.scope {
            case .namespaced: namespace
            case .cluster: ""
            }
        return ObjectKey(owner.kind, namespace: namespace, name: reference.name)
    }
}
