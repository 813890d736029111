/// What happens to packets of a `SimulatedNetwork`; as made, every packet arrives once, after a short while.
public struct NetworkFaults: Sendable, Hashable {
    /// Whether packets of one path may overtake each other.
    public enum Order: Sendable, Hashable {
        /// They may, as datagrams do.
        case any
        /// They arrive in the order in which they were sent, as on a connection.
        case asSent
    }

    /// The chance that a packet is lost.
    public var loss = 0.0
    /// The chance that a packet arrives twice.
    public var duplication = 0.0
    /// How long every packet takes at least.
    public var delayNanosecondsMin: Int64 = 20_000
    /// How much longer it takes in the mean: mostly less, rarely many times as much.
    public var delayNanosecondsMean: Int64 = 100_000
    /// The longest that a packet takes.
    public var delayNanosecondsMax: Int64 = .max
    /// Whether packets may overtake each other.
    public var order = Order.any
    /// How many packets a path holds; what is sent beyond is lost.
    public var pathPacketsMax = Int.max
    /// How many times as slow slow paths are.
    public var slowFactor: Int64 = 1

    /// Nothing is lost, doubled, or late.
    public init() {}
}
