import KafkaWire
import NIOCore
import WeirRuntime

@testable import Coordinators

/// A group coordinator and the log behind it, as a shell has them: records are committed with the answers after them,
/// or neither is.
struct GroupWorld {
    private(set) var machine: GroupCoordinator
    private(set) var time = CoordinatorTime(
        now: MonotonicTime(nanoseconds: 1_000_000_000), wallMilliseconds: 1_700_000_000_000)
    /// What is committed.
    private(set) var log: [Entry] = []
    /// What the machine wanted and is not committed.
    private(set) var inFlight: [Effects<GroupResponse, GroupCommand>] = []
    private(set) var waiting: Set<Ticket> = []
    private var nextTicket: UInt64 = 0
    private var settings: GroupSettings
    private var topics: TopicsImage

    enum Entry {
        case record(CoordinatorRecord, ProducerIdentity?)
        case marker(TransactionEnd)
    }

    enum Violation: Error, CustomStringConvertible {
        case answeredTwice(Ticket)
        case notAnswered(GroupRequest)
        var description: String {
            switch self {
            case .answeredTwice(let ticket): "ticket \(ticket.number) was answered twice, or never given"
            case .notAnswered(let request): "\(request) was not answered at once"
            }
        }
    }

    init(settings: GroupSettings = GroupSettings(), topics: TopicsImage = TopicsImage()) {
        self.settings = settings
        self.topics = topics
        machine = GroupCoordinator(settings: settings, topics: topics)
        inFlight.append(machine.begin(at: time))
    }

    /// Takes in a request. The answers are in flight until `commit`.
    mutating func step(_ request: GroupRequest) -> Ticket {
        nextTicket += 1
        let ticket = Ticket(nextTicket)
        waiting.insert(ticket)
        switch request {
        case .topicsChanged(let image): topics = image
        case .settingsChanged(let changed): settings = changed
        case .transactionEnded(let end): inFlight.append(Self.marker(end))
        default: break
        }
        inFlight.append(machine.step(request, ticket, at: time))
        return ticket
    }

    /// An answer, and how long the log was when it was given.
    struct Answer {
        var ticket: Ticket
        var response: GroupResponse
        var logCount: Int
    }

    /// Everything in flight is committed, and its answers are given.
    mutating func commit() throws -> [Answer] {
        var answers: [Answer] = []
        for effects in inFlight {
            log += Self.entries(effects)
            for answer in effects.responses {
                guard waiting.remove(answer.ticket) != nil else { throw Violation.answeredTwice(answer.ticket) }
                answers.append(Answer(ticket: answer.ticket, response: answer.response, logCount: log.count))
            }
        }
        inFlight = []
        return answers
    }

    /// One request, and its own answer.
    mutating func ask(_ request: GroupRequest) throws -> GroupResponse {
        let ticket = step(request)
        guard let answer = try commit().first(where: { $0.ticket == ticket }) else {
            throw Violation.notAnswered(request)
        }
        return answer.response
    }

    /// Lets time pass, with every deadline at its own time.
    mutating func pass(milliseconds: Int64) {
        let end = time.now + .milliseconds(milliseconds)
        while let next = machine.nextDeadline, next <= end {
            move(to: max(next, time.now))
            inFlight.append(machine.advance(to: time))
        }
        move(to: end)
    }

    /// What was in flight is lost with the machine; another one has the log.
    ///
    /// - Returns: Whose answers never come.
    mutating func restart() throws -> Set<Ticket> {
        let lost = waiting
        waiting = []
        inFlight = []
        machine = try Self.replay(log, settings: settings, topics: topics)
        inFlight.append(machine.begin(at: time))
        return lost
    }

    /// A machine that has all records that there are, committed or not.
    func replayed() throws -> GroupCoordinator {
        try Self.replay(log + inFlight.flatMap(Self.entries), settings: settings, topics: topics)
    }

    private mutating func move(to moment: MonotonicTime) {
        time.wallMilliseconds += (moment - time.now).milliseconds
        time.now = moment
    }

    private static func replay(_ log: [Entry], settings: GroupSettings, topics: TopicsImage) throws -> GroupCoordinator
    {
        var machine = GroupCoordinator(settings: settings, topics: topics)
        for entry in log {
            switch entry {
            case .record(let record, let producer): try machine.replay(record, of: producer)
            case .marker(let end): machine.replay(end)
            }
        }
        return machine
    }

    /// A marker travels as effects without any, told apart by its producer.
    private static func marker(_ end: TransactionEnd) -> Effects<GroupResponse, GroupCommand> {
        var effects = Effects<GroupResponse, GroupCommand>()
        effects.producer = end.producer
        var key = ByteBuffer()
        key.writeInteger(markerVersion)
        key.writeInteger(end.outcome == .committed ? UInt8(1) : 0)
        effects.records = [CoordinatorRecord(key: key, value: nil)]
        return effects
    }

    private static let markerVersion = Int16(-1)

    private static func entries(_ effects: Effects<GroupResponse, GroupCommand>) -> [Entry] {
        effects.records.map { record in
            var key = record.key
            if key.readInteger(as: Int16.self) == markerVersion, let producer = effects.producer {
                let outcome: TransactionOutcome = key.readInteger(as: UInt8.self) == 1 ? .committed : .aborted
                return .marker(TransactionEnd(producer: producer, outcome: outcome))
            }
            return .record(record, effects.producer)
        }
    }
}

extension GroupCoordinator {
    /// What the log says, as far as nothing in memory has gone beyond it; equal after a replay.
    func durableState(like other: GroupCoordinator) throws -> String {
        var lines = [offsets.description]
        for (id, group) in groups {
            guard case .classic(let group) = group, group.isPersisted else { continue }
            // While a rebalance runs, the log has the generation before.
            guard case .classic(let twin)? = other.groups[id], twin.isSettled, group.isSettled else {
                lines.append("group \(id)")
                continue
            }
            lines.append(
                "group \(id) \(group.state) \(group.value) topics=\(group.subscribedTopics?.sorted() ?? ["?"])")
        }
        return lines.sorted().joined(separator: "\n")
    }
}

extension ClassicGroup {
    /// Whether the group is what its last record says.
    var isSettled: Bool { state == .stable || state == .empty }
}
