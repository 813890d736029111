import Raft

/// What is known of a run from outside: what was committed, by whom, and what clients were told.
///
/// Whoever commits, applies or is told something first writes it here; everybody after must agree.
struct History {
    /// A committed entry.
    struct Committed {
        var mark: Mark
        /// The term in which it was committed.
        var term: UInt64
        /// The payload's number, 0 where there is none.
        var payload: UInt64
    }

    /// A payload that a client proposed.
    struct Proposal {
        var node: UInt8
        var life: UInt16
        /// How many leaders may have appended it: calls and messages that brought it, less those that passed it on.
        var bringers: Int16 = 0
        var copies: Int16 = 0
        /// Where it is, once the client was told that it is committed.
        var acknowledged: UInt64 = 0
    }

    /// A read that a client asked for.
    struct Read {
        var node: UInt8
        var life: UInt16
        /// The commit index that it must not answer below.
        var floor: UInt64
        var isAnswered = false
    }

    /// The membership from an index on.
    struct MembershipAt {
        var index: UInt64
        var state: ConfigurationState
        var members: Members
    }

    /// The place before the first entry of the run.
    let start: UInt64
    private(set) var committed: [Committed]
    /// The state after each applied index, from `start` on.
    private(set) var states: [UInt64]
    /// Entries that were seen in any log: the first at each index, and those of other terms by term and index.
    private var seen: [Mark] = []
    private var seenLater: [UInt64: UInt64] = [:]
    private(set) var memberships: [MembershipAt]
    var proposals: [Proposal] = []
    var reads: [Read] = []
    /// Who leads each term; 0 nobody so far.
    private var leaders: [UInt8] = []
    /// When the commit index got where, for reads by lease.
    private var commitTimes: [(time: Int, index: UInt64)] = []

    init(start: UInt64, mark: Mark, state: UInt64, configuration: ConfigurationState) {
        self.start = start
        committed = [Committed(mark: mark, term: mark.term, payload: 0)]
        states = [state]
        memberships = [MembershipAt(index: start, state: configuration, members: Members(configuration))]
    }

    // MARK: Log

    var lastCommitted: UInt64 { start + UInt64(committed.count - 1) }
    var lastApplied: UInt64 { start + UInt64(states.count - 1) }

    func mark(at index: UInt64) -> Mark? {
        guard index >= start, index <= lastCommitted else { return nil }
        return committed[Int(index - start)].mark
    }

    func payload(at index: UInt64) -> UInt64 { committed[Int(index - start)].payload }

    func state(at index: UInt64) -> UInt64? {
        guard index >= start, index <= lastApplied else { return nil }
        return states[Int(index - start)]
    }

    /// Notes what is committed at the next index, and in which term.
    mutating func commit(_ mark: Mark, in term: UInt64) {
        committed.append(Committed(mark: mark, term: term, payload: 0))
    }

    /// Notes what is at the next index, and the state after it.
    mutating func apply(_ state: UInt64, payload: UInt64) {
        committed[states.count].payload = payload
        states.append(state)
    }

    /// Whether the entry, and all before it, are those that others have who have an entry of that term there.
    mutating func matches(_ mark: Mark, at index: UInt64) -> Bool {
        let place = Int(index - start)
        while seen.count <= place { seen.append(Mark(term: 0, chain: 0)) }
        if seen[place].term == 0 { seen[place] = mark }
        if seen[place].term == mark.term { return seen[place].chain == mark.chain }
        let key = mark.term << 32 | index
        if let chain = seenLater[key] { return chain == mark.chain }
        seenLater[key] = mark.chain
        return true
    }

    /// The last entry that was committed in an earlier term, which so must be in the log of this term's leader.
    func lastCommitted(before term: UInt64) -> UInt64 {
        var place = committed.count - 1
        while place > 0, committed[place].term >= term { place -= 1 }
        return start + UInt64(place)
    }

    // MARK: Commit index in time

    mutating func noteCommit(at time: Int) { commitTimes.append((time, lastCommitted)) }

    /// What was committed at that time.
    func committed(at time: Int) -> UInt64 {
        commitTimes.last { $0.time <= time }?.index ?? start
    }

    // MARK: Leaders

    /// Who leads the term, by slot.
    func leader(of term: UInt64) -> Int? {
        guard term < leaders.count, leaders[Int(term)] != 0 else { return nil }
        return Int(leaders[Int(term)]) - 1
    }

    mutating func setLeader(_ slot: Int, of term: UInt64) {
        while leaders.count <= term { leaders.append(0) }
        leaders[Int(term)] = UInt8(slot + 1)
    }

    // MARK: Membership

    /// The membership as of an index.
    func membership(at index: UInt64) -> MembershipAt {
        memberships.last { $0.index <= index } ?? memberships[0]
    }

    var latestMembership: MembershipAt { memberships[memberships.count - 1] }

    mutating func changeMembership(at index: UInt64, _ state: ConfigurationState) {
        memberships.append(MembershipAt(index: index, state: state, members: Members(state)))
    }
}
