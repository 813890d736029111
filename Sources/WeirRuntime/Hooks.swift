/// The moments of a shutdown at which an embedder's own code runs.
///
/// Hooks of a kind run in parallel and count against the deadlines of their stage, so that one that
/// hangs is abandoned like a component.
public struct ShutdownHook: Sendable {
    enum Moment: Sendable, Hashable {
        case beforeDrain
        case levelDrained
        case beforeCancel
        case afterStop
    }

    let moment: Moment
    let body: @Sendable ([String]) async -> Void

    /// Runs when the drain stage begins, before the first gate closes.
    public static func beforeDrain(_ body: @escaping @Sendable () async -> Void) -> ShutdownHook {
        ShutdownHook(moment: .beforeDrain) { _ in await body() }
    }

    /// Runs when a level has drained, before the next begins; gets the names of its components.
    public static func levelDrained(_ body: @escaping @Sendable ([String]) async -> Void) -> ShutdownHook {
        ShutdownHook(moment: .levelDrained, body: body)
    }

    /// Runs before components that missed their deadline are cancelled; gets their names.
    public static func beforeCancel(_ body: @escaping @Sendable ([String]) async -> Void) -> ShutdownHook {
        ShutdownHook(moment: .beforeCancel, body: body)
    }

    /// Runs when every component has stopped, before the runtime reports.
    public static func afterStop(_ body: @escaping @Sendable () async -> Void) -> ShutdownHook {
        ShutdownHook(moment: .afterStop) { _ in await body() }
    }
}
