import KafkaWire
import NIOCore
import RecordBatch
import Testing

@testable import KafkaClient

@Suite("the queue of a producer")
struct ProducerQueueTests {
    private static func record(_ number: Int) -> OutgoingRecord {
        OutgoingRecord(timestamp: 0, value: ByteBuffer(integer: Int64(number)))
    }

    private static let moved = ClientError.refused("t-0", .notLeaderOrFollower, nil)

    /// A producer, a network that loses things and a broker that keeps the rules of idempotence, under a seed.
    private struct World {
        var random: SplitMix
        var queue: ProducerQueue
        var log: [Int64] = []
        var completed: [Int: Result<Int64, ClientError>] = [:]
        var order: [Int] = []
        var sizes: [Int: Int] = [:]
        private var identities: Int64 = 0
        private var next: [Int64: Int32] = [:]
        private var places: [Int64: [Int32: Int64]] = [:]
        private var wire: [ProducerQueue.Batch] = []
        private var pending: [ProducerQueue.Action] = []
        private let isFaulty: Bool

        init(seed: UInt64, settings: ProducerSettings, isFaulty: Bool = true) {
            random = SplitMix(state: seed)
            queue = ProducerQueue(settings)
            self.isFaulty = isFaulty
        }

        mutating func take(_ actions: [ProducerQueue.Action]) {
            for action in actions {
                switch action {
                case .send(let batch): wire.append(batch)
                case .complete(let number, let result):
                    #expect(completed[number] == nil)
                    completed[number] = result
                    order.append(number)
                case .connect, .backOff: pending.append(action)
                }
            }
        }

        var isIdle: Bool { wire.isEmpty && pending.isEmpty }

        /// One thing happens: a batch arrives (or not), a connection is there (or not), a wait is over.
        mutating func step() throws {
            if let action = pending.popLast() {
                guard case .connect(let needsIdentity) = action else { return take(queue.retryDue()) }
                if isFaulty, random.chance(4) { return take(queue.connectionFailed(ProducerQueueTests.moved)) }
                identities += needsIdentity ? 1 : 0
                return take(queue.connected(needsIdentity ? .init(id: identities, epoch: 0) : nil))
            }
            guard !wire.isEmpty else { return }
            let batch = wire.removeFirst()
            guard isFaulty, random.chance(4) else { return take(queue.answered(batch.number, try arrive(batch))) }
            switch random.below(3) {
            case 0: take(queue.answered(batch.number, .failure(ProducerQueueTests.moved)))
            case 1:
                // The connection is lost, and with it all that is on its way; part of it may have arrived.
                _ = try arrive(batch)
                var isArriving = random.chance(2)
                for other in wire where isArriving {
                    _ = try arrive(other)
                    isArriving = random.chance(2)
                }
                fallthrough
            default:
                let lost = [batch] + wire
                wire = []
                for batch in lost {
                    take(queue.answered(batch.number, .failure(ClientError(.disconnected, "lost"))))
                }
            }
        }

        private mutating func arrive(_ batch: ProducerQueue.Batch) throws -> Result<Int64, ClientError> {
            let bytes = try batch.records.build()
            let header = try BatchHeader.validated(bytes, BatchRules(sizeBytesMax: 1 << 20))
            let expected = next[header.producerID] ?? 0
            if let place = places[header.producerID]?[header.baseSequence] { return .success(place) }
            guard header.baseSequence == expected else {
                return .failure(.refused("t-0", .outOfOrderSequenceNumber, nil))
            }
            next[header.producerID] = expected + header.recordCount
            places[header.producerID, default: [:]][header.baseSequence] = Int64(log.count)
            let place = Int64(log.count)
            var reader = try RecordReader(bytes, header: header, uncompressedSizeBytesMax: 1 << 20)
            while var value = try reader.next()?.value { log.append(value.readInteger() ?? -1) }
            return .success(place)
        }
    }

    @Test("takes everything to the log once and in order, whatever is lost", arguments: 0..<300 as Range<UInt64>)
    func exactlyOnce(seed: UInt64) throws {
        var settings = ProducerSettings(retriesMax: 1_000_000)
        settings.batchSizeBytesMax = 300
        var world = World(seed: seed, settings: settings)
        var numbers: [Int] = []
        var firsts: [Int: Int] = [:]
        var added = 0
        while added < 200 || !world.isIdle || world.queue.oldestNumber != nil {
            if added < 200, world.random.chance(2) {
                let count = world.random.chance(5) ? world.random.below(4) + 1 : 1
                let records = (added..<added + count).map(Self.record)
                let number = count > 1 ? world.queue.add(batch: records) : world.queue.add(records[0])
                for index in 0..<count { numbers.append(number); firsts[number] = firsts[number] ?? added + index }
                added += count
                world.take(world.queue.advance())
            } else {
                world.take(world.queue.advance())
                try world.step()
            }
        }
        #expect(world.log == (0..<Int64(added)).map { $0 }, "seed \(seed)")
        for (number, first) in firsts {
            #expect(world.completed[number] == .success(Int64(first)), "seed \(seed), batch \(number)")
        }
    }

    @Test("sends the first record at once, and gathers those that come meanwhile")
    func gathers() throws {
        var world = World(seed: 0, settings: ProducerSettings(), isFaulty: false)
        _ = world.queue.add(Self.record(0))
        world.take(world.queue.advance())
        try world.step()
        for number in 1...9 { _ = world.queue.add(Self.record(number)) }
        world.take(world.queue.advance())
        while !world.isIdle { try world.step() }
        #expect(world.order == [0, 1])
        #expect(world.completed[1] == .success(1))
        #expect(world.log == Array(0...9))
    }

    @Test("has at most so many batches on their way as it may", arguments: [(true, 5), (false, 1)])
    func inFlight(isIdempotent: Bool, expected: Int) {
        var queue = ProducerQueue(ProducerSettings(isIdempotent: isIdempotent))
        for number in 0..<9 { _ = queue.add(batch: [Self.record(number)]) }
        _ = queue.advance()
        let actions = queue.connected(isIdempotent ? .init(id: 1, epoch: 0) : nil)
        #expect(actions.count == expected)
    }

    @Test("keeps an open batch back for its linger, and lets it go when it is full or over")
    func lingers() {
        var settings = ProducerSettings()
        settings.linger = .milliseconds(5)
        settings.batchSizeBytesMax = 200
        var queue = ProducerQueue(settings)
        _ = queue.add(Self.record(0))
        #expect(queue.advance().isEmpty)
        queue.close()
        #expect(queue.advance().count == 1)
        #expect(queue.connected(.init(id: 1, epoch: 0)).count == 1)
        var number = 1
        while queue.add(Self.record(number)) == 1 { number += 1 }
        #expect(queue.advance().count == 1)
        #expect(queue.hasOpenBatch)
    }

    @Test("fails what is on its way when its tries are used up, and numbers the rest anew")
    func givesUp() {
        var queue = ProducerQueue(ProducerSettings(retriesMax: 0))
        for number in 0..<7 { _ = queue.add(batch: [Self.record(number)]) }
        _ = queue.advance()
        #expect(queue.connected(.init(id: 1, epoch: 0)).count == 5)
        var actions: [ProducerQueue.Action] = []
        for number in 0..<5 { actions += queue.answered(number, .failure(Self.moved)) }
        let failed = actions.compactMap { action -> Int? in
            if case .complete(let number, .failure) = action { number } else { nil }
        }
        #expect(failed == [0, 1, 2, 3, 4])
        let sequences = queue.connected(.init(id: 2, epoch: 0)).compactMap { action -> Int32? in
            if case .send(let batch) = action { batch.records.baseSequence } else { nil }
        }
        #expect(sequences == [0, 1])
    }

    @Test("fails what is queued when there is no leader to be had, and begins again with the next record")
    func noLeader() {
        var queue = ProducerQueue(ProducerSettings())
        _ = queue.add(batch: [Self.record(0)])
        _ = queue.advance()
        let actions = queue.connectionFailed(ClientError(.unsupported, "too old"))
        #expect(actions.count == 1)
        #expect(queue.oldestNumber == nil)
        _ = queue.add(batch: [Self.record(1)])
        #expect(queue.advance().count == 1)
    }
}

/// SplitMix64: the same seed gives the same case.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    mutating func chance(_ oneIn: Int) -> Bool { below(oneIn) == 0 }
}
