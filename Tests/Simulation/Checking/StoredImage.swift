import Raft

/// What a node's disk durably holds, as the checker knows from the writes and the syncs that succeeded.
///
/// Flipped bits do not change it: it says what was once stored, which is what answers vouched for.
struct StoredImage {
    /// A write on its way.
    struct Write {
        var sequence: UInt64
        var hardState: HardState?
        /// Where the log begins anew.
        var restart: (index: UInt64, mark: Mark)?
        var first: UInt64 = 0
        var marks: [Mark] = []
        /// The place of a snapshot that it holds; 0 none.
        var snapshot: UInt64 = 0
    }

    /// A vote that was stored.
    struct Vote {
        var term: UInt64
        var candidate: ReplicaID
    }

    private(set) var hardState = HardState()
    private(set) var log = ShadowLog()
    /// The log as of the last write, durable or not.
    private var written = ShadowLog()
    /// Every vote that was ever stored, by ascending term.
    private(set) var votes: [Vote] = []
    private(set) var sequence: UInt64 = 0
    /// The place of the snapshot from which the node would begin anew.
    private(set) var snapshot: UInt64 = 0
    private var pending: [Write] = []
    private var head = 0

    /// Begins with a log of nothing behind a base.
    mutating func begin(_ state: HardState, _ index: UInt64, _ mark: Mark) {
        hardState = state
        snapshot = index
        log.reset(to: index, mark)
        written = log
    }

    /// Notes a write that was made. `restart` is the place of a snapshot in place of the log, `own` that of one in
    /// place of its beginning.
    mutating func note(
        _ sequence: UInt64, _ state: HardState?, _ entries: [Entry], restart: (index: UInt64, mark: Mark)?,
        own: UInt64
    ) {
        var write = Write(sequence: sequence, hardState: state, restart: restart)
        write.snapshot = max(own, restart?.index ?? 0)
        if let restart { written.reset(to: restart.index, restart.mark) }
        if let first = entries.first {
            write.first = first.index.value
            written.truncate(from: write.first)
            write.marks.reserveCapacity(entries.count)
            for entry in entries {
                let mark = entry.mark(after: written.lastMark.chain)
                write.marks.append(mark)
                written.append(mark)
            }
        }
        pending.append(write)
    }

    /// Notes that everything up to the write of that number is durable. False where a vote changed within its term.
    mutating func sync(upTo sequence: UInt64) -> Bool {
        var isSound = true
        while head < pending.count, pending[head].sequence <= sequence {
            if !take(pending[head]) { isSound = false }
            head += 1
        }
        if head == pending.count {
            pending.removeAll(keepingCapacity: true)
            head = 0
        }
        self.sequence = max(self.sequence, sequence)
        return isSound
    }

    /// Forgets writes that a crash took.
    mutating func losePending() {
        pending.removeAll(keepingCapacity: true)
        head = 0
        written = log
    }

    /// Begins anew from what was read back. False where it lacks what was stored, or holds what was never written.
    ///
    /// What is read back is what was synced, and behind it as many of the later writes as survived, in order.
    mutating func recover(_ sequence: UInt64, _ state: HardState, start: UInt64, last: UInt64, marks: [Mark]) -> Bool {
        guard sequence >= self.sequence, sync(upTo: sequence), pending.isEmpty || pending[head].sequence > sequence
        else { return false }
        losePending()
        self.sequence = sequence
        guard state.term == hardState.term, state.vote == hardState.vote, last == log.last else { return false }
        return (start...last).allSatisfy { index in
            guard let known = log.mark(at: index) else { return true }
            return known == marks[Int(index - start)]
        }
    }

    /// Whether writes were made after the one of that number.
    func isAhead(of sequence: UInt64) -> Bool { pending.count > head && pending[pending.count - 1].sequence > sequence }

    /// Whom the node durably voted for in the term.
    func vote(in term: UInt64) -> ReplicaID? {
        votes.last { $0.term <= term }.flatMap { $0.term == term ? $0.candidate : nil }
    }

    /// Notes a vote that leaves the node. False where a crash could make it vote for another in that term.
    ///
    /// The vote is stored, or a later term is, in which nobody asks for one of an earlier term.
    mutating func cast(_ candidate: ReplicaID, in term: UInt64) -> Bool {
        if let vote = vote(in: term) { return vote == candidate }
        guard hardState.term.value > term else { return false }
        let place = votes.firstIndex { $0.term > term } ?? votes.count
        votes.insert(Vote(term: term, candidate: candidate), at: place)
        return true
    }

    /// Forgets what is committed up to there: it is stored.
    mutating func compact(to index: UInt64) {
        log.compact(to: min(index, log.last))
        written.compact(to: min(index, written.last))
    }

    private mutating func take(_ write: Write) -> Bool {
        snapshot = max(snapshot, write.snapshot)
        if let restart = write.restart { log.reset(to: restart.index, restart.mark) }
        if !write.marks.isEmpty {
            log.truncate(from: write.first)
            for mark in write.marks { log.append(mark) }
        }
        guard let state = write.hardState else { return true }
        let isForgotten = state.term == hardState.term && hardState.vote != .none && state.vote != hardState.vote
        hardState = state
        if isForgotten { return false }
        guard state.vote != .none else { return true }
        if let last = votes.last, last.term >= state.term.value {
            return last.term > state.term.value ? false : last.candidate == state.vote
        }
        votes.append(Vote(term: state.term.value, candidate: state.vote))
        return true
    }
}
