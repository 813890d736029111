/// What connections of the HTTP server may take.
public struct AdminLimits: Sendable, Hashable {
    /// Connections at once; more wait in the kernel's queue until one closes.
    public var connectionCountMax: Int
    /// How long a connection may be silent between requests, or take over sending one.
    public var idleMax: Duration
    /// How long answers on their way may take at a stop.
    public var stopGrace: Duration

    /// 256 connections, idle for a minute at most; 50 ms at a stop.
    public init(
        connectionCountMax: Int = 256, idleMax: Duration = .seconds(60), stopGrace: Duration = .milliseconds(50)
    ) {
        self.connectionCountMax = connectionCountMax
        self.idleMax = idleMax
        self.stopGrace = stopGrace
    }
}
