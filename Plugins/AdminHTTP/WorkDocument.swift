public import FoundationEssentials

/// What `GET /weir/v1/work` answers: every component with its counts, at one moment.
public struct WorkDocument: Codable, Sendable, Hashable {
    /// One component.
    public struct Component: Codable, Sendable, Hashable {
        /// Its name, e.g. `kafka/orders-0`.
        public var name: String
        /// starting, running, read-only, draining, drained, stopped or failed.
        public var state: String
        /// Operations that are running.
        public var inFlight: Int
        /// The most that ran at once.
        public var peak: Int
        /// Operations admitted.
        public var started: Int
        /// Of them, those that did what was asked.
        public var succeeded: Int
        /// Of them, those that failed.
        public var failed: Int
        /// Of them, those that were cancelled.
        public var cancelled: Int
        /// Of them, those that nobody ended.
        public var abandoned: Int
        /// Operations refused, by reason.
        public var rejected: [String: Int]
        /// Open sessions.
        public var sessions: Int
        /// Running loops.
        public var loops: Int
        /// The operation that has run longest; nil where none runs or its component does not list them.
        public var oldest: Operation?

        /// `oldest` is written as null where there is none.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(name, forKey: .name)
            try values.encode(state, forKey: .state)
            try values.encode(inFlight, forKey: .inFlight)
            try values.encode(peak, forKey: .peak)
            try values.encode(started, forKey: .started)
            try values.encode(succeeded, forKey: .succeeded)
            try values.encode(failed, forKey: .failed)
            try values.encode(cancelled, forKey: .cancelled)
            try values.encode(abandoned, forKey: .abandoned)
            try values.encode(rejected, forKey: .rejected)
            try values.encode(sessions, forKey: .sessions)
            try values.encode(loops, forKey: .loops)
            try values.encode(oldest, forKey: .oldest)
        }
    }

    /// A running operation.
    public struct Operation: Codable, Sendable, Hashable {
        /// What it does.
        public var name: String
        /// On what.
        public var key: String
        /// For how long, in milliseconds.
        public var ageMs: Int64
        /// How far it is.
        public var phase: String
    }

    /// running, announcing, handing-over, draining, flushing or stopping.
    public var state: String
    /// By name.
    public var components: [Component]

    /// The document as JSON, keys sorted.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}
