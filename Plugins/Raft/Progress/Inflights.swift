/// The append messages that a replica owes an answer to: a ring that grows as it is used.
struct Inflights: Sendable {
    private struct Sent {
        /// The last entry of the message.
        var last: LogIndex
        /// Payload bytes of its entries.
        var byteCount: Int
    }

    private var ring: [Sent] = []
    private var start = 0
    /// How many messages.
    private(set) var count = 0
    private var byteCount = 0
    private let countMax: Int
    /// 0: no limit.
    private let byteCountMax: Int

    init(countMax: Int, byteCountMax: Int) {
        self.countMax = countMax
        self.byteCountMax = byteCountMax
    }

    /// Whether no more may be sent. The message that crosses the limit on bytes was still allowed.
    @inline(__always) var isFull: Bool { count == countMax || (byteCountMax != 0 && byteCount >= byteCountMax) }

    /// Notes a message whose last entry is `last`.
    mutating func add(last: LogIndex, byteCount: Int) {
        precondition(!isFull, "the window is full")
        if count == ring.count { grow() }
        ring[(start + count) % ring.count] = Sent(last: last, byteCount: byteCount)
        count += 1
        self.byteCount += byteCount
    }

    /// Frees the messages whose entries lie at or before `index`.
    mutating func free(upTo index: LogIndex) {
        while count > 0 && ring[start].last <= index {
            byteCount -= ring[start].byteCount
            start = start + 1 == ring.count ? 0 : start + 1
            count -= 1
        }
    }

    /// Frees all messages.
    mutating func reset() {
        start = 0
        count = 0
        byteCount = 0
    }

    /// Gives memory back that an idle replica does not need.
    mutating func shrink() {
        guard count == 0 && ring.count > 4 else { return }
        ring = []
        start = 0
    }

    private mutating func grow() {
        let size = min(max(ring.count * 2, 2), countMax)
        var grown: [Sent] = []
        grown.reserveCapacity(size)
        for place in 0..<count { grown.append(ring[(start + place) % ring.count]) }
        grown.append(contentsOf: repeatElement(Sent(last: 0, byteCount: 0), count: size - count))
        ring = grown
        start = 0
    }
}
