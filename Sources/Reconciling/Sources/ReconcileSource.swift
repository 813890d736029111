internal import ObjectStore

/// What a source works with.
struct SourceContext: Sendable {
    var informers: Informers
    /// Only objects of this namespace; nil: of all.
    var namespace: String?
    /// Takes the keys that changes bring.
    var keys: KeyQueue
}

/// Where a reconciler's keys come from.
protocol ReconcileSource: Sendable {
    /// What it watches, for people: `Topic`, `Partition (owned)`.
    var name: String { get }

    /// Begins to watch; returns when everything that was there is listed. Throws where it is cancelled.
    func start() async throws

    /// Brings no more keys; does nothing the second time.
    func stop() async
}
