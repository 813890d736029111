import KafkaWire
import NIOCore

// The course of a rebalance.
extension ClassicGroup {
    /// Begins a rebalance, or ends the first half of the one that there is if nobody is waited for.
    mutating func rebalanceOrComplete(_ work: inout GroupWork) {
        if state == .preparingRebalance {
            completeIfAllJoined(&work)
        } else {
            prepareRebalance(&work)
        }
    }

    /// Begins a rebalance: members learn of it by their heartbeats.
    mutating func prepareRebalance(_ work: inout GroupWork) {
        if state == .completingRebalance {
            for member in membersInOrder {
                members[member.id]?.assignment.clear()
                answerSync(of: member.id, .failure(.rebalanceInProgress), &work)
                if member.sync != nil { restartSession(of: member.id, &work) }
            }
        }
        pendingSyncs.removeAll()
        work.deadlines.cancel(.sync(group: id))
        let wasEmpty = state == .empty
        become(.preparingRebalance, work)
        guard wasEmpty else { return completeOrWait(&work) }
        let delay = work.settings.initialRebalanceDelayMilliseconds
        initialRebalance = InitialRebalance(
            delayMilliseconds: delay, remainingMilliseconds: max(rebalanceMilliseconds - delay, 0))
        work.schedule(.join(group: id), afterMilliseconds: Int64(delay))
    }

    /// Ends the first half if nobody is waited for. A group that was empty waits out its delay.
    mutating func completeIfAllJoined(_ work: inout GroupWork) {
        guard state == .preparingRebalance, initialRebalance == nil, hasAllJoined else { return }
        completeJoin(&work)
    }

    private mutating func completeOrWait(_ work: inout GroupWork) {
        if hasAllJoined { return completeJoin(&work) }
        work.schedule(.join(group: id), afterMilliseconds: Int64(rebalanceMilliseconds))
    }

    /// The time for the first half is over.
    mutating func joinDeadlineCame(_ work: inout GroupWork) {
        guard state == .preparingRebalance else { return }
        guard var initial = initialRebalance, initial.sawNewMember, initial.remainingMilliseconds > 0 else {
            return completeJoin(&work)
        }
        // Others came while we waited: there may be more, but the first must not wait longer than it can.
        let delay = min(work.settings.initialRebalanceDelayMilliseconds, initial.remainingMilliseconds)
        initial.remainingMilliseconds = max(initial.remainingMilliseconds - initial.delayMilliseconds, 0)
        initial.delayMilliseconds = delay
        initial.sawNewMember = false
        initialRebalance = initial
        work.schedule(.join(group: id), afterMilliseconds: Int64(delay))
    }

    /// Ends the first half: a new generation begins, of those who joined, and of static members who may still.
    private mutating func completeJoin(_ work: inout GroupWork) {
        work.deadlines.cancel(.join(group: id))
        for member in membersInOrder where member.join == nil && member.instanceID == nil { remove(member.id, &work) }
        guard electJoinedLeader() || members.isEmpty else {
            // Only static members are left, and none has come: each has until its session ends.
            initialRebalance = nil
            // A member that has no patience must not have us look all the time.
            return work.schedule(.join(group: id), afterMilliseconds: max(Int64(rebalanceMilliseconds), 1_000))
        }
        generation = generation == .max ? 0 : generation + 1
        pendingSyncs.removeAll()
        guard !members.isEmpty else {
            protocolName = nil
            subscribedTopics = computeSubscribedTopics()
            become(.empty, work)
            return work.append(record())
        }
        protocolName = electedProtocol()
        subscribedTopics = computeSubscribedTopics()
        become(.completingRebalance, work)
        for member in membersInOrder {
            members[member.id]?.isNew = false
            restartSession(of: member.id, &work)
            pendingSyncs.insert(member.id)
            answerJoin(of: member.id, joined(member.id), &work)
        }
        work.schedule(.sync(group: id), afterMilliseconds: Int64(rebalanceMilliseconds))
    }

    /// The member may be silent anew for as long as its session is.
    func restartSession(of memberID: String, _ work: inout GroupWork) {
        guard let member = members[memberID] else { return }
        work.schedule(.session(group: id, member: memberID), afterMilliseconds: Int64(member.sessionMilliseconds))
    }

    /// A member was silent for too long, or has not come again with the id that it was given.
    mutating func sessionDeadlineCame(_ memberID: String, _ work: inout GroupWork) {
        if pendingJoins.contains(memberID) {
            remove(memberID, &work)
            return completeIfNobodyIsLeftToWaitFor(&work)
        }
        guard let member = members[memberID], !member.isWaitingForOthers else { return }
        remove(memberID, &work)
        switch state {
        case .stable, .completingRebalance: prepareRebalance(&work)
        case .preparingRebalance: completeIfNobodyIsLeftToWaitFor(&work)
        case .empty: break
        }
    }

    /// As `completeIfAllJoined`, but a group whose first delay runs does not wait it out.
    private mutating func completeIfNobodyIsLeftToWaitFor(_ work: inout GroupWork) {
        guard state == .preparingRebalance, hasAllJoined else { return }
        completeJoin(&work)
    }

    /// The time for the second half is over.
    mutating func syncDeadlineCame(_ work: inout GroupWork) {
        guard state == .completingRebalance || state == .stable, !pendingSyncs.isEmpty else { return }
        for member in membersInOrder where pendingSyncs.contains(member.id) { remove(member.id, &work) }
        prepareRebalance(&work)
    }
}

// After the log was replayed.
extension ClassicGroup {
    /// Sessions count from now: members that live find the group as they left it.
    mutating func begin(_ work: inout GroupWork) {
        for member in membersInOrder { restartSession(of: member.id, &work) }
        // Nobody assigned the group: it was one of KIP-848 until the last member of that protocol left.
        if leader == nil && !members.isEmpty { return prepareRebalance(&work) }
        // The limit was lowered meanwhile: who comes again last is put out.
        if members.count > Int(work.settings.groupSizeMax) { prepareRebalance(&work) }
    }
}
