internal import WeirRuntime

/// What one connection, and all of them together, may take.
public struct ConnectionLimits: Sendable, Hashable {
    /// The largest request (`socket.request.max.bytes`).
    public var requestSizeBytesMax = 104_857_600
    /// Bytes that one connection holds, from read to response written, before it stops reading; it goes on at half.
    public var connectionBytesMax = 16 << 20
    /// Bytes that all connections hold before they stop reading (`queued.max.request.bytes`).
    public var processBytesMax = 256 << 20
    /// Requests of one connection that wait for their responses.
    public var outstandingRequestsMax = 256
    /// Connections served at once (`max.connections`).
    public var connectionCountMax = Int(Int32.max)
    /// A connection without a request for longer than this is closed (`connections.max.idle.ms`); nil: never.
    public var idleMax: Duration? = .seconds(600)
    /// How long a frame may take to arrive, and then a second for each 64 KiB that it announces.
    public var frameArrivalMax: Duration = .seconds(30)
    /// While draining: how long the last responses may take to leave for a client that does not read.
    public var drainWriteMax: Duration = .milliseconds(500)
    /// While draining: how long a client that was told the end may take to close its side.
    public var drainLingerMax: Duration = .milliseconds(20)

    /// The defaults.
    public init() {}

    /// When a frame that began to arrive at `start` is too slow.
    func frameDeadline(announced bytes: Int, since start: MonotonicTime) -> MonotonicTime {
        start + frameArrivalMax + .seconds(max(0, bytes) / 65_536)
    }
}
