import KafkaWire
import NIOCore

/// A group whose members agree by JoinGroup and SyncGroup, and assign partitions themselves.
///
/// What its log says is the last generation that a leader assigned, or that the group is empty; a rebalance between
/// two of them is in memory only, and is as if it had not begun when the coordinator moves. The rules are those of
/// Kafka's `ClassicGroup` and `GroupMetadataManager`.
struct ClassicGroup: Sendable {
    /// Where a rebalance is; the names are Kafka's.
    enum State: String, Sendable {
        /// No members, though there may be some that have only an id.
        case empty = "Empty"
        /// Members are waited for.
        case preparingRebalance = "PreparingRebalance"
        /// The leader's assignment is waited for.
        case completingRebalance = "CompletingRebalance"
        /// Every member has its assignment, or may fetch it.
        case stable = "Stable"
    }

    /// The first rebalance of a group that was empty: it waits a while for others, longer when some came.
    struct InitialRebalance: Sendable {
        /// How long the present delay is.
        var delayMilliseconds: Int32
        /// How long it may still be extended.
        var remainingMilliseconds: Int32
        /// Whether somebody came since the delay began.
        var sawNewMember = false
    }

    /// The group's id.
    let id: String
    /// Where the rebalance is.
    var state = State.empty
    /// When `state` became what it is; nil: an old record did not say.
    var stateMilliseconds: Int64?
    /// The kind of the members: `consumer`, `connect`; nil: there never was one.
    var protocolType: String?
    /// What this generation assigns with.
    var protocolName: String?
    /// Counts rebalances that ended.
    var generation: Int32 = 0
    /// The member that assigns.
    var leader: String?
    /// The members by id.
    var members: [String: ClassicMember] = [:]
    /// The ids of static members, by what their owners call them.
    var staticMembers: [String: String] = [:]
    /// Ids that were given out and have not joined.
    var pendingJoins: Set<String> = []
    /// Members of this generation that have not fetched their assignment.
    var pendingSyncs: Set<String> = []
    /// How many members wait for JoinGroup to be answered.
    var joiningCount = 0
    /// How many members can do what.
    var protocolSupport: [String: Int] = [:]
    /// The topics that members of type `consumer` want; nil: it is not known.
    var subscribedTopics: Set<String>?
    /// Set while the first rebalance of a group that was empty is prepared.
    var initialRebalance: InitialRebalance?
    /// Whether the log has a record of the group.
    var isPersisted = false
    private var nextSerial: UInt64 = 0

    /// A group without members.
    init(id: String, wallMilliseconds: Int64) {
        self.id = id
        stateMilliseconds = wallMilliseconds
    }

    /// Whether the group is as if it had never been: nothing of it needs to be remembered.
    var isVacant: Bool { state == .empty && pendingJoins.isEmpty && !isPersisted }

    /// How long a rebalance waits: as long as the most patient member says.
    var rebalanceMilliseconds: Int32 { members.values.reduce(0) { max($0, $1.rebalanceMilliseconds) } }

    /// Whether the rebalance waits for nobody any more.
    var hasAllJoined: Bool { joiningCount == members.count && pendingJoins.isEmpty }

    /// The members in the order in which they came.
    var membersInOrder: [ClassicMember] { members.values.sorted { $0.serial < $1.serial } }

    /// A number for the next member.
    mutating func takeSerial() -> UInt64 {
        nextSerial += 1
        return nextSerial
    }

    /// Goes over to a state.
    mutating func become(_ next: State, _ work: GroupWork) {
        switch next {
        case .empty, .completingRebalance: precondition(state == .preparingRebalance, "a join phase ended first")
        case .stable: precondition(state == .completingRebalance, "a leader assigned first")
        case .preparingRebalance: precondition(state != .preparingRebalance, "one rebalance at a time")
        }
        state = next
        stateMilliseconds = work.time.wallMilliseconds
        if next != .preparingRebalance { initialRebalance = nil }
    }

    /// Why a member is not who it says; nil: it is.
    func refusal(ofMember memberID: String, instanceID: String?) -> ErrorCode? {
        if let instanceID {
            guard let known = staticMembers[instanceID] else { return .unknownMemberId }
            guard known == memberID else { return .fencedInstanceId }
        }
        return members[memberID] == nil ? .unknownMemberId : nil
    }

    /// Whether every member could do one of these.
    func supports(type: String, _ protocols: [JoinGroupRequest.JoinGroupRequestProtocol]) -> Bool {
        if state == .empty { return !type.isEmpty && !protocols.isEmpty }
        return protocolType == type && protocols.contains { protocolSupport[$0.name, default: 0] == members.count }
    }

    /// The protocol that most members like best, of those that all of them can do.
    func electedProtocol() -> String {
        precondition(!members.isEmpty, "members elect a protocol")
        var votes: [String: Int] = [:]
        for member in members.values {
            let choice = member.protocols.first { protocolSupport[$0.name] == members.count }
            guard let choice else { preconditionFailure("members are let in only with a protocol that all can do") }
            votes[choice.name, default: 0] += 1
        }
        // Kafka leaves a tie to its hash map; here the name decides.
        let winner = votes.max { ($0.value, $1.key) < ($1.value, $0.key) }
        guard let winner else { preconditionFailure("every member voted") }
        return winner.key
    }
}

// Who is in the group.
extension ClassicGroup {
    /// Lets a member in.
    mutating func add(_ member: ClassicMember, type: String) {
        if members.isEmpty { protocolType = type }
        if let instanceID = member.instanceID {
            precondition(staticMembers[instanceID] == nil, "a static member is replaced, not added twice")
            staticMembers[instanceID] = member.id
        }
        if leader == nil { leader = member.id }
        members[member.id] = member
        count(member.protocols, by: 1)
        if member.join != nil { joiningCount += 1 }
        pendingJoins.remove(member.id)
    }

    /// Puts a member out; what it waits for is answered with UNKNOWN_MEMBER_ID, so that it comes again if it lives.
    mutating func remove(_ memberID: String, _ work: inout GroupWork) {
        work.deadlines.cancel(.session(group: id, member: memberID))
        pendingJoins.remove(memberID)
        pendingSyncs.remove(memberID)
        answerJoin(of: memberID, .failure(.unknownMemberId, memberID: ""), &work)
        answerSync(of: memberID, .failure(.unknownMemberId), &work)
        guard let member = members.removeValue(forKey: memberID) else { return }
        count(member.protocols, by: -1)
        if let instanceID = member.instanceID { staticMembers[instanceID] = nil }
        if leader == memberID { leader = members.values.min { $0.serial < $1.serial }?.id }
    }

    /// A member says anew what it can do.
    mutating func update(
        _ memberID: String, with request: JoinGroupRequest, _ origin: RequestOrigin
    ) {
        guard var member = members[memberID] else { preconditionFailure("a member is known when it is updated") }
        count(member.protocols, by: -1)
        member.protocols = request.ownedProtocols
        count(member.protocols, by: 1)
        member.rebalanceMilliseconds = request.rebalanceMilliseconds(version: origin.version)
        member.sessionMilliseconds = request.sessionTimeoutMs
        members[memberID] = member
    }

    /// A static member is back under a new id; whoever still has the old one is fenced.
    mutating func replaceStatic(
        _ instanceID: String, by newID: String, _ origin: RequestOrigin, _ work: inout GroupWork
    ) {
        guard let oldID = staticMembers[instanceID] else { preconditionFailure("the static member is known") }
        work.deadlines.cancel(.session(group: id, member: oldID))
        answerJoin(of: oldID, .failure(.fencedInstanceId, memberID: oldID), &work)
        answerSync(of: oldID, .failure(.fencedInstanceId), &work)
        guard let old = members.removeValue(forKey: oldID) else { preconditionFailure("a static member is a member") }
        var new = ClassicMember(
            id: newID, serial: old.serial, instanceID: instanceID, clientID: origin.clientID,
            clientHost: origin.clientHost, rebalanceMilliseconds: old.rebalanceMilliseconds,
            sessionMilliseconds: old.sessionMilliseconds, protocols: old.protocols)
        new.assignment = old.assignment
        members[newID] = new
        staticMembers[instanceID] = newID
        if pendingSyncs.remove(oldID) != nil { pendingSyncs.insert(newID) }
        if leader == oldID { leader = newID }
    }

    /// Makes a member the leader that has joined, unless the leader has.
    ///
    /// - Returns: Whether there is one.
    mutating func electJoinedLeader() -> Bool {
        if let leader, members[leader]?.join != nil { return true }
        let next = members.values.filter { $0.join != nil }.min { $0.serial < $1.serial }
        guard let next else { return false }
        self.leader = next.id
        return true
    }

    private mutating func count(_ protocols: [JoinGroupRequest.JoinGroupRequestProtocol], by step: Int) {
        // A member that names a protocol twice can do it once.
        for name in Set(protocols.map(\.name)) {
            let support = protocolSupport[name, default: 0] + step
            protocolSupport[name] = support == 0 ? nil : support
        }
    }
}
