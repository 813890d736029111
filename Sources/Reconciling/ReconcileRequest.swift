public import Logging
public import ObjectStore
public import WeirRuntime

/// One key to reconcile, and everything that is needed for it.
///
/// It says which object something happened to, not what: a reconcile looks at how things are, and makes them as they
/// should be. Draining, deadline and cancellation are three things: `isDraining` is advice, `deadline` a date, and only
/// the cancellation of the task asks to give up.
public struct ReconcileRequest<Content: Resource>: Sendable {
    /// The object's key.
    public let key: ObjectKey
    /// The object as the cache has it; nil where it is gone. It may be behind the store by a moment.
    public internal(set) var object: Content?
    /// How often the key was tried in a row with this time: 1 where the last time went well.
    public let attempt: Int
    let timeLimit: MonotonicTime?
    let scope: ReconcileScope

    /// The object's name.
    public var name: String { key.name }

    /// The object's namespace; empty where the kind has none.
    public var namespace: String { key.namespace }

    /// Reads and writes objects; what it does here is admitted while components drain.
    public var client: Client { scope.client }

    /// Tells people what happened to an object, as Event objects: `request.events.normal(widget, "Painted", "in red")`.
    public var events: EventRecorder { scope.events }

    /// Logs with the reconciler's name, and the object's.
    public var logger: Logger {
        var logger = scope.logger
        if !namespace.isEmpty { logger[metadataKey: "namespace"] = "\(namespace)" }
        logger[metadataKey: "name"] = "\(name)"
        return logger
    }

    /// The runtime's clock.
    public var clock: any Clock { scope.clock }

    /// Whether the reconciler drains: what is begun should be finished, and nothing long begun.
    public var isDraining: Bool { scope.isDraining }

    /// When the task will be cancelled: at the reconciler's timeout, or at the drain's deadline; nil where neither is
    /// known.
    public var deadline: MonotonicTime? {
        guard let drain = scope.drainDeadline else { return timeLimit }
        return timeLimit.map { min($0, drain) } ?? drain
    }
}
