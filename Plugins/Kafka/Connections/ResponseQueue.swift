import NIOCore

/// Puts responses into the order of their requests, whatever the order they are completed in.
///
/// A machine: what a connection does with its requests is decided here, and the handler performs it.
struct ResponseQueue {
    /// A request's place.
    struct Ticket: Hashable, Sendable {
        let number: UInt64
    }

    /// What is to be done for the request at the front.
    struct Completion: Equatable {
        /// What to write; nil: the request has no response (acks=0).
        var response: ByteBuffer?
        /// Bytes that the request held.
        var bytesHeld: Int
    }

    private enum Slot {
        case waiting(bytesHeld: Int)
        case completed(Completion)
    }

    private var slots = CircularBuffer<Slot>(initialCapacity: 8)
    private var frontNumber: UInt64 = 0
    /// Bytes held by requests that were not taken out yet.
    private(set) var bytesHeld = 0

    /// Bytes of responses that wait for their turn.
    private(set) var responseBytesHeld = 0

    /// Requests that were not taken out yet.
    var count: Int { slots.count }
    var isEmpty: Bool { slots.isEmpty }

    /// Whether `next` has something to give.
    var isFrontCompleted: Bool {
        if case .completed = slots.first { return true }
        return false
    }

    /// Gives the next request its place.
    mutating func reserve(bytesHeld: Int) -> Ticket {
        slots.append(.waiting(bytesHeld: bytesHeld))
        self.bytesHeld += bytesHeld
        return Ticket(number: frontNumber + UInt64(slots.count - 1))
    }

    /// Whether the request was not taken out yet.
    func holds(_ ticket: Ticket) -> Bool { ticket.number >= frontNumber }

    /// Whether the request still waits for its response.
    func isWaiting(_ ticket: Ticket) -> Bool {
        guard let index = index(of: ticket), case .waiting = slots[index] else { return false }
        return true
    }

    /// Completes a request; a second time does nothing, so that a timeout and an answer may race.
    ///
    /// - Returns: Whether this was the first time.
    @discardableResult
    mutating func complete(_ ticket: Ticket, with response: ByteBuffer?) -> Bool {
        guard let index = index(of: ticket), case .waiting(let bytesHeld) = slots[index] else { return false }
        slots[index] = .completed(Completion(response: response, bytesHeld: bytesHeld))
        responseBytesHeld += response?.readableBytes ?? 0
        return true
    }

    /// Takes out the request at the front; nil: there is none, or it still waits.
    mutating func next() -> Completion? {
        guard case .completed(let completion) = slots.first else { return nil }
        slots.removeFirst()
        frontNumber += 1
        bytesHeld -= completion.bytesHeld
        responseBytesHeld -= completion.response?.readableBytes ?? 0
        return completion
    }

    /// Forgets every request, because the connection is gone.
    mutating func removeAll() {
        frontNumber += UInt64(slots.count)
        slots.removeAll()
        bytesHeld = 0
        responseBytesHeld = 0
    }

    private func index(of ticket: Ticket) -> CircularBuffer<Slot>.Index? {
        guard ticket.number >= frontNumber else { return nil }
        let distance = Int(ticket.number - frontNumber)
        guard distance < slots.count else { return nil }
        return slots.index(slots.startIndex, offsetBy: distance)
    }
}
