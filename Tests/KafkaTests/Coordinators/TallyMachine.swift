import Coordinators
import KafkaWire
import NIOCore
import WeirRuntime

/// A machine as small as can be: it counts under names, and lets who wants wait.
struct TallyMachine: CoordinatorMachine {
    enum Request: Sendable {
        case add(String)
        case read(String)
        /// Waits until `release`.
        case wait
        case release
        /// Wakes up at that time, and counts `alarm` then.
        case alarm(at: MonotonicTime)
        /// Counts under the producer's transaction.
        case addPending(String, ProducerIdentity)
        case ended(TransactionEnd)
        /// Records of so many bytes.
        case addLarge(Int)
        /// So many records of so many bytes, each of which counts by itself.
        case addMany(Int, sizeBytes: Int)
        /// Something is to be done elsewhere.
        case command(String)
    }

    enum Response: Sendable, Equatable {
        case count(Int64)
        case done
    }

    typealias Command = String

    var counts: [String: Int64] = [:]
    var pending: [Int64: [String: Int64]] = [:]
    var waiting: [Ticket] = []
    var nextDeadline: MonotonicTime?
    var begins = 0
    /// What it wants appended whenever it begins.
    var beginSizeBytes = 0

    static func isRecorded(_ request: Request) -> Bool {
        switch request {
        case .add, .addPending, .addLarge, .addMany: true
        case .read, .wait, .release, .alarm, .ended, .command: false
        }
    }

    mutating func replay(_ record: CoordinatorRecord, of producer: ProducerIdentity?) throws(WireError) {
        let name = String(buffer: record.key)
        let value = record.value?.getInteger(at: record.value?.readerIndex ?? 0, as: Int64.self) ?? 0
        if let producer { pending[producer.id, default: [:]][name] = value } else { counts[name] = value }
    }

    mutating func replay(_ marker: TransactionEnd) {
        guard let names = pending.removeValue(forKey: marker.producer.id), marker.outcome == .committed else { return }
        counts.merge(names) { $1 }
    }

    mutating func begin(at time: CoordinatorTime) -> Effects<Response, Command> {
        begins += 1
        var effects = Effects<Response, Command>()
        if beginSizeBytes > 0 { effects.records = [Self.large(beginSizeBytes)] }
        return effects
    }

    mutating func step(
        _ request: Request, _ ticket: Ticket, at time: CoordinatorTime
    ) -> Effects<Response, Command> {
        switch request {
        case .add(let name): return change(name, nil, ticket)
        case .addPending(let name, let producer): return change(name, producer, ticket)
        case .read(let name): return .answer(ticket, .count(counts[name] ?? 0))
        case .wait:
            waiting.append(ticket)
            return Effects()
        case .release:
            var effects = Effects<Response, Command>.answer(ticket, .done)
            for ticket in waiting { effects.responses.append((ticket, .done)) }
            waiting = []
            return effects
        case .alarm(let deadline):
            nextDeadline = deadline
            return .answer(ticket, .done)
        case .ended(let end):
            replay(end)
            return .answer(ticket, .done)
        case .addLarge(let count):
            var effects = Effects<Response, Command>.answer(ticket, .done)
            effects.records = [Self.large(count)]
            return effects
        case .addMany(let count, let sizeBytes):
            var effects = Effects<Response, Command>.answer(ticket, .done)
            effects.commands = ["many"]
            for _ in 0..<count {
                effects.records.append(Self.large(sizeBytes))
                effects.cut()
            }
            return effects
        case .command(let text):
            var effects = Effects<Response, Command>.answer(ticket, .done)
            effects.commands = [text]
            return effects
        }
    }

    mutating func advance(to time: CoordinatorTime) -> Effects<Response, Command> {
        guard let deadline = nextDeadline, deadline <= time.now else { return Effects() }
        nextDeadline = nil
        var effects = Effects<Response, Command>()
        effects.records = [record("alarm", (counts["alarm"] ?? 0) + 1)]
        apply(effects.records, nil)
        return effects
    }

    private mutating func change(
        _ name: String, _ producer: ProducerIdentity?, _ ticket: Ticket
    ) -> Effects<Response, Command> {
        let count = (counts[name] ?? 0) + 1
        var effects = Effects<Response, Command>.answer(ticket, .count(count))
        effects.records = [record(name, count)]
        effects.producer = producer
        apply(effects.records, producer)
        return effects
    }

    private mutating func apply(_ records: [CoordinatorRecord], _ producer: ProducerIdentity?) {
        for record in records {
            do { try replay(record, of: producer) } catch { preconditionFailure("its own record: \(error)") }
        }
    }

    private static func large(_ sizeBytes: Int) -> CoordinatorRecord {
        CoordinatorRecord(key: ByteBuffer(string: "large"), value: ByteBuffer(repeating: 7, count: sizeBytes))
    }

    private func record(_ name: String, _ count: Int64) -> CoordinatorRecord {
        CoordinatorRecord(key: ByteBuffer(string: name), value: ByteBuffer(integer: count))
    }
}
