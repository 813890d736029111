import KafkaWire
import NIOCore
import Testing
import WeirRuntime

@testable import Coordinators

/// A group coordinator whose log is an array, whose clock is a number, and whose clients are calls.
struct ConsumerHarness {
    var machine: GroupCoordinator
    private(set) var log: [CoordinatorRecord] = []
    private(set) var time = CoordinatorTime(
        now: MonotonicTime(nanoseconds: 1_000_000_000), wallMilliseconds: 1_700_000_000_000)
    private var lastTicket: UInt64 = 0
    /// What was answered, and not yet asked for.
    private var answers: [Ticket: GroupResponse] = [:]

    static let orders = WireUUID(high: 1, low: 1)
    static let payments = WireUUID(high: 1, low: 2)
    static let topics = TopicsImage([
        .init(name: "orders", id: orders, partitionCount: 4), .init(name: "payments", id: payments, partitionCount: 2),
    ])

    init(settings: GroupSettings = GroupSettings(), topics: TopicsImage = ConsumerHarness.topics) {
        machine = GroupCoordinator(settings: settings, topics: topics)
        take(machine.begin(at: time))
    }

    /// A heartbeat of version 1, and its answer.
    mutating func heartbeat(
        _ member: String, epoch: Int32, in group: String = "g", owned: [WireUUID: [Int32]]? = nil,
        version: Int16 = 1, _ change: (inout ConsumerGroupHeartbeatRequest) -> Void = { _ in }
    ) -> ConsumerGroupHeartbeatResponse {
        var request = ConsumerGroupHeartbeatRequest()
        request.groupId = group
        request.memberId = member
        request.memberEpoch = epoch
        request.topicPartitions = owned.map { owned in
            owned.map { topic, partitions in
                var value = ConsumerGroupHeartbeatRequest.TopicPartitions()
                value.topicId = topic
                value.partitions = partitions
                return value
            }
        }
        change(&request)
        guard
            case .consumerHeartbeat(let response) = ask(
                .consumerHeartbeat(request, Self.origin(version), memberID: "made-\(lastTicket)"))
        else {
            Issue.record("a heartbeat was not answered as one")
            return ConsumerGroupHeartbeatResponse()
        }
        return response
    }

    /// A member joins with these topics.
    mutating func join(
        _ member: String, topics: [String]? = ["orders"], in group: String = "g", version: Int16 = 1,
        _ change: (inout ConsumerGroupHeartbeatRequest) -> Void = { _ in }
    ) -> ConsumerGroupHeartbeatResponse {
        heartbeat(member, epoch: 0, in: group, owned: [:], version: version) {
            $0.rebalanceTimeoutMs = 30_000
            $0.subscribedTopicNames = topics
            change(&$0)
        }
    }

    /// One request, and its answer, which must come at once.
    mutating func ask(_ request: GroupRequest) -> GroupResponse {
        let ticket = send(request)
        guard let answer = takeAnswer(ticket) else {
            Issue.record("not answered at once")
            return .done
        }
        return answer
    }

    /// One request, whose answer may come later.
    mutating func send(_ request: GroupRequest) -> Ticket {
        lastTicket += 1
        let ticket = Ticket(lastTicket)
        take(machine.step(request, ticket, at: time))
        return ticket
    }

    /// The answer that a ticket got, once.
    mutating func takeAnswer(_ ticket: Ticket) -> GroupResponse? { answers.removeValue(forKey: ticket) }

    /// Lets time pass, with every deadline in it at its time.
    mutating func pass(milliseconds: Int64) {
        let end = time.now + .milliseconds(milliseconds)
        while let next = machine.nextDeadline, next <= end {
            move(to: max(next, time.now))
            take(machine.advance(to: time))
        }
        move(to: end)
    }

    private mutating func move(to now: MonotonicTime) {
        time.wallMilliseconds += (now - time.now).milliseconds
        time.now = now
    }

    /// The machine is dropped, and another one reads the log.
    mutating func restart() throws {
        var fresh = GroupCoordinator(settings: machine.settings, topics: machine.topics)
        for record in log { try fresh.replay(record, of: nil) }
        machine = fresh
        take(machine.begin(at: time))
    }

    mutating func setTopics(_ topics: TopicsImage) { _ = ask(.topicsChanged(topics)) }

    private mutating func take(_ effects: Effects<GroupResponse, GroupCommand>) {
        log += effects.records
        for (ticket, response) in effects.responses {
            #expect(answers[ticket] == nil, "answered twice")
            answers[ticket] = response
        }
    }

    static func origin(_ version: Int16) -> RequestOrigin {
        RequestOrigin(version: version, clientID: "client", clientHost: "/127.0.0.1")
    }

    /// The group, when it is one of KIP-848.
    func group(_ id: String = "g") -> ConsumerGroup? {
        guard case .consumer(let group)? = machine.groups[id] else { return nil }
        return group
    }
}

extension ConsumerGroupHeartbeatResponse {
    /// The assignment by topic; nil: none was told.
    var owned: [WireUUID: [Int32]]? {
        assignment.map { Dictionary(uniqueKeysWithValues: $0.topicPartitions.map { ($0.topicId, $0.partitions) }) }
    }
}

extension ConsumerGroup {
    /// All that the log must give back.
    var durableState: String {
        var lines = ["\(id) \(epoch) \(targetEpoch) \(subscribedTopics)"]
        for (id, member) in members.sorted(by: { $0.key < $1.key }) {
            let current = member.current
            lines.append(
                "\(id) \(member.metadata) \(current.epoch) \(current.previousEpoch) \(current.state)"
                    + " \(current.assigned.sorted) \(current.pendingRevocation.sorted)")
        }
        for (id, target) in targets.sorted(by: { $0.key < $1.key }) { lines.append("\(id) -> \(target.sorted)") }
        for (topic, owners) in owners.sorted(by: { $0.key.low < $1.key.low }) {
            lines.append("\(topic): \(owners.sorted { $0.key < $1.key })")
        }
        lines.append("\(staticMembers.sorted { $0.key < $1.key }) \(subscriberCounts.sorted { $0.key < $1.key })")
        lines.append("\(classicMemberCount)")
        return lines.joined(separator: "\n")
    }
}
