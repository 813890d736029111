import Raft

/// Proposals a second of CPU that one leader takes through: proposing, its own storage's answers, sending, the others'
/// acknowledgements, committing and handing out. The others' answers are made up and cost next to nothing.
func measureLeaderAlone() {
    for batch in [1, 16, 64, 256] {
        let payloads = (0..<batch).map { Payload(handle: UInt64($0), byteCount: 100) }
        report("proposals per second of CPU, leader alone, batch \(batch)", perSecond(leaderAlone(payloads)))
    }
    reportAllocations([Payload(byteCount: 100)])
    let owner = PayloadOwner()
    let owned = (0..<64).map { Payload(owner: owner, handle: UInt64($0), byteCount: 100) }
    report("proposals per second of CPU, leader alone, batch 64, payloads with owners", perSecond(leaderAlone(owned)))
    let payloads = (0..<64).map { Payload(handle: UInt64($0), byteCount: 100) }
    report(
        "proposals per second of CPU, leader alone, batch 64, asynchronous storage",
        perSecond(leaderAloneAsync(payloads)))
}

/// Nanoseconds a proposal.
private func leaderAlone(_ payloads: [Payload]) -> Double {
    let leader = Member(1)
    leader.lead()
    let rounds = max(2_000, 200_000 / payloads.count)
    return measure(rounds * payloads.count) {
        let appliedCount = replicate(payloads, by: leader, rounds: rounds)
        precondition(appliedCount >= (rounds - 1) * payloads.count, "what is acknowledged is committed and applied")
    }
}

/// One `Ready` a batch: it stores the batch, and applies the one before. How many entries were applied.
private func replicate(_ payloads: [Payload], by leader: Member, rounds: Int) -> Int {
    var appliedCount = 0
    for _ in 0..<rounds {
        must { try leader.replica.propose(payloads) }
        appliedCount += leader.work().appliedCount
        leader.acknowledge()
        leader.compact()
    }
    return appliedCount
}

/// Allocations of a batch on the leader, its storage in memory included.
private func reportAllocations(_ payloads: [Payload]) {
    let leader = Member(1)
    leader.lead()
    _ = replicate(payloads, by: leader, rounds: 100)
    let allocations = countAllocations { _ = replicate(payloads, by: leader, rounds: 100) }
    report(
        "allocations of a batch of \(payloads.count), leader alone",
        allocations.map { "\(Double($0) / 100)" } ?? "not counted")
}

/// The same, where storage work comes as messages.
private func leaderAloneAsync(_ payloads: [Payload]) -> Double {
    let leader = Member(1) { $0.asyncStorageWrites = true }
    func work() -> Int {
        let ready = leader.replica.ready()
        var appliedCount = 0
        for message in ready.messages where message.to.isLocalThread {
            if message.kind == .storageAppend {
                if message.term > 0 {
                    leader.storage.hardState = HardState(
                        term: message.term, vote: message.vote, commit: message.commit)
                }
                leader.storage.append(message.entries)
            } else {
                appliedCount += message.entries.count
            }
            for response in message.responses { must { try leader.replica.step(response) } }
        }
        return appliedCount
    }
    leader.replica.campaign()
    while leader.replica.hasReady { _ = work() }
    let term = leader.replica.status.hardState.term
    must { try leader.replica.step(Message(.voteResponse, from: 2, to: 1, term: term)) }
    while leader.replica.hasReady { _ = work() }
    leader.acknowledge()
    while leader.replica.hasReady { _ = work() }
    let rounds = 200_000 / payloads.count
    return measure(rounds * payloads.count) {
        var appliedCount = 0
        for _ in 0..<rounds {
            must { try leader.replica.propose(payloads) }
            appliedCount += work()
            leader.acknowledge()
            leader.compact()
        }
        precondition(appliedCount >= (rounds - 1) * payloads.count, "what is acknowledged is committed and applied")
    }
}

/// Proposals a second of CPU of a whole cluster of three in one thread: three replicas and their storages.
func measureCluster() {
    for batch in [1, 16, 64, 256] {
        let payloads = (0..<batch).map { Payload(handle: UInt64($0), byteCount: 100) }
        report("proposals per second of CPU, cluster of three, batch \(batch)", perSecond(cluster(payloads)))
    }
}

private func cluster(_ payloads: [Payload]) -> Double {
    let members = [Member(1), Member(2), Member(3)]
    /// Handles work and messages until there is none; how many entries the first one applied.
    func settle() -> Int {
        var appliedCount = 0
        var isBusy = true
        while isBusy {
            isBusy = false
            for (place, member) in members.enumerated() where member.replica.hasReady {
                isBusy = true
                let work = member.work()
                if place == 0 { appliedCount += work.appliedCount }
                for message in work.messages {
                    must { try members[Int(message.to.value) - 1].replica.step(message) }
                }
            }
        }
        return appliedCount
    }
    members[0].replica.campaign()
    _ = settle()
    precondition(members[0].replica.status.softState.role == .leader, "who stands alone is elected")
    let rounds = max(1_000, 100_000 / payloads.count)
    return measure(rounds * payloads.count) {
        var appliedCount = 0
        for _ in 0..<rounds {
            must { try members[0].replica.propose(payloads) }
            appliedCount += settle()
            for member in members { member.compact() }
        }
        precondition(appliedCount == rounds * payloads.count, "what is proposed is committed and applied")
    }
}
