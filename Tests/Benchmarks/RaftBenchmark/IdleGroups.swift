import Raft

private let groupCount = 10_000

/// A replica as it is on a node: leader or follower of its group of three.
private enum Part {
    case follower
    case leader
}

/// A replica at rest, after traffic of 160 entries; with its log compacted, as an owner that keeps entries elsewhere.
private func restingMember(_ part: Part, _ configure: (inout ReplicaConfiguration) -> Void = { _ in }) -> Member {
    let member = Member(1, configure)
    let payloads = (0..<16).map { Payload(handle: UInt64($0), byteCount: 100) }
    switch part {
    case .leader:
        member.lead()
        for _ in 0..<10 {
            must { try member.replica.propose(payloads) }
            _ = member.work()
            member.acknowledge()
        }
    case .follower:
        for batch in 0..<10 as Range<UInt64> {
            let entries = payloads.enumerated().map { place, payload in
                Entry(term: 1, index: LogIndex(batch * 16 + UInt64(place) + 1), payload: payload)
            }
            must {
                try member.replica.step(
                    Message(
                        .append, from: 2, to: 1, term: 1, logTerm: batch == 0 ? 0 : 1, index: LogIndex(batch * 16),
                        commit: LogIndex(batch * 16), entries: entries))
            }
            _ = member.work()
        }
        must { try member.replica.step(Message(.heartbeat, from: 2, to: 1, term: 1, commit: 160)) }
    }
    while member.replica.hasReady { _ = member.work() }
    let status = member.replica.status
    precondition(status.applied == status.last.index, "at rest everything is applied")
    // A fresh snapshot of everything leaves the storage with no room for entries.
    member.storage.restore(Snapshot(last: status.last, configuration: threeVoters))
    return member
}

/// Bytes that 10,000 replicas at rest keep in memory, a replica; their storages' fixed parts apart.
func measureMemory() {
    _ = restingMember(.leader)
    let storageBytes = residentBytesEach { MemoryStorage(configuration: threeVoters) }
    for (part, name) in [(Part.follower, "follower"), (.leader, "leader")] {
        let bytes = residentBytesEach { restingMember(part) } - storageBytes
        report("memory of a replica of three at rest, \(name)", "\(bytes) B")
    }
    report("memory of its storage in memory, empty", "\(storageBytes) B")
}

private func residentBytesEach<Element>(_ make: () -> Element) -> Int {
    var kept: [Element] = []
    kept.reserveCapacity(groupCount)
    let before = residentBytes()
    for _ in 0..<groupCount { kept.append(make()) }
    let bytes = residentBytes() - before - groupCount * MemoryLayout<Element>.stride
    return withExtendedLifetime(kept) { bytes / groupCount }
}

/// What a tick of 10,000 groups costs: a third of the replicas lead, none is due.
func measureIdleTicks() {
    let members = (0..<groupCount).map { place in
        restingMember(place % 3 == 0 ? .leader : .follower) {
            $0.heartbeatTicks = 1_000_000
            $0.electionTicks = 2_000_000
        }
    }
    let ticks = 200
    let direct = measure(ticks) {
        for _ in 0..<ticks {
            for member in members { member.replica.tick() }
        }
    }
    report("tick of 10,000 quiet groups, each ticked", microseconds(direct))
    let allocations = countAllocations {
        for _ in 0..<ticks {
            for member in members { member.replica.tick() }
        }
    }
    report(
        "allocations of a tick of 10,000 quiet groups, each ticked",
        allocations.map { "\(Double($0) / Double(ticks))" } ?? "not counted")

    var schedule = TickSchedule()
    for member in members { _ = schedule.add(ticksUntilDue: member.replica.ticksUntilDue) }
    func pass(_ count: Int) {
        for _ in 0..<count {
            schedule.tick { slot, ticks in
                members[slot].replica.tick(ticks)
                return members[slot].replica.ticksUntilDue
            }
        }
    }
    report("tick of 10,000 quiet groups, scheduled", microseconds(measure(ticks) { pass(ticks) }))
    let scheduledAllocations = countAllocations { pass(ticks) }
    report(
        "allocations of a tick of 10,000 quiet groups, scheduled",
        scheduledAllocations.map { "\(Double($0) / Double(ticks))" } ?? "not counted")
    for member in members { precondition(!member.replica.hasReady, "nothing was due") }
    measureHeartbeats()
}

/// What one leader's heartbeat to two others costs, taken out and answered.
private func measureHeartbeats() {
    let leader = restingMember(.leader)
    let turns = 100_000
    let cost = measure(turns) {
        for _ in 0..<turns {
            leader.replica.tick()
            let messages = leader.work().messages
            precondition(messages.count == 2, "a tick is a heartbeat")
            for message in messages {
                let answer = Message(.heartbeatResponse, from: message.to, to: 1, term: message.term)
                must { try leader.replica.step(answer) }
            }
        }
    }
    report("heartbeat round of a leader of three, with answers", nanoseconds(cost))
}
