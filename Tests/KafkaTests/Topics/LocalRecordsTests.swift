import KafkaWire
import NIOCore
import RecordBatch
import SegmentLog
import Synchronization
import Testing
import WeirSimulation
import WorkTracking

@testable import Kafka

@Suite("Records without a socket")
struct LocalRecordsTests {
    private func record(_ key: String?, _ value: String?) -> LocalRecords.NewRecord {
        LocalRecords.NewRecord(key: key.map { ByteBuffer(string: $0) }, value: value.map { ByteBuffer(string: $0) })
    }

    private func text(_ records: [LocalRecords.StoredRecord]) -> [String] {
        records.map { record in
            let key = record.key.map { String(buffer: $0) } ?? "null"
            let value = record.value.map { String(buffer: $0) } ?? "null"
            return "\(record.offset) \(key)=\(value)"
        }
    }

    @Test("records are read as they were appended, from any position")
    func roundTrip() throws {
        let node = try SimulatedBroker(topics: ["orders:2"])
        let records = LocalRecords(node.broker)
        let header = Record.Header(key: "h", value: nil)
        let first = try node.run { [self] in
            var marked = record("k", "v")
            marked.headers = [header]
            let first = try await records.produce([marked, record(nil, nil)], to: "orders", partition: 1)
            _ = try await records.produce([record("", "")], to: "orders", partition: 1)
            return first
        }
        #expect(first.partition == 1)
        #expect(first.offsets == 0..<2)
        let (all, some, none, ends) = try node.run {
            let all = try await records.consume("orders", partition: 1, from: .oldest, countMax: 10)
            let some = try await records.consume("orders", partition: 1, from: .offset(1), countMax: 1)
            let none = try await records.consume("orders", partition: 1, from: .newest, countMax: 10)
            let ends = [
                try await records.offset("orders", partition: 1, of: .oldest),
                try await records.offset("orders", partition: 1, of: .newest),
                try await records.offset("orders", partition: 0, of: .newest),
            ]
            return (all, some, none, ends)
        }
        #expect(text(all) == ["0 k=v", "1 null=null", "2 ="])
        #expect(all[0].headers == [header])
        #expect(all[0].timestamp == node.simulator.clock.wallMilliseconds)
        #expect(text(some) == ["1 null=null"])
        #expect(none.isEmpty)
        #expect(ends == [0, 3, 0])
    }

    @Test("records go where Kafka's clients put their key, and in turn without one")
    func partitions() throws {
        let node = try SimulatedBroker(topics: ["orders:3"])
        let records = LocalRecords(node.broker)
        let (keyed, unkeyed) = try node.run { [self] in
            var keyed: [Int32] = []
            for key in ["21", "foobar", "a-little-bit-long-string", "21"] {
                keyed.append(try await records.produce([record(key, "v")], to: "orders").partition)
            }
            var unkeyed: Set<Int32> = []
            for _ in 0..<3 { unkeyed.insert(try await records.produce([record(nil, "v")], to: "orders").partition) }
            return (keyed, unkeyed)
        }
        // The hashes are those of Kafka's own UtilsTest.
        let hashes: [Int32] = [-973_932_308, -790_332_482, -985_981_536]
        #expect(
            ["21", "foobar", "a-little-bit-long-string"].map { Int32(bitPattern: KeyHash.murmur2($0.utf8)) } == hashes)
        #expect(keyed == (hashes + [hashes[0]]).map { ($0 & 0x7FFF_FFFF) % 3 })
        #expect(unkeyed == [0, 1, 2])
    }

    @Test("a topic that is not there is made where clients may have it made")
    func autoCreate() throws {
        let making = try SimulatedBroker()
        let records = LocalRecords(making.broker)
        let made = try making.run { [self] in try await records.produce([record("k", "v")], to: "new").offsets }
        #expect(made == 0..<1)
        #expect(making.broker.topics.snapshot()["new"] != nil)
        let refusing = try SimulatedBroker(settings: ["auto.create.topics.enable": "false"])
        let refused = LocalRecords(refusing.broker)
        #expect(throws: LocalRecordsError.self) {
            try refusing.run { [self] in _ = try await refused.produce([record("k", "v")], to: "new") }
        }
    }

    @Test("what a topic refuses is refused with Kafka's code")
    func refusals() throws {
        let node = try SimulatedBroker(topics: ["t"])
        let records = LocalRecords(node.broker)
        func code(_ body: @escaping @Sendable () async throws -> Void) throws -> ErrorCode {
            do {
                try node.run(body)
                return .none
            } catch let error as LocalRecordsError {
                return error.code
            }
        }
        try node.run { [broker = node.broker] in
            let change = ConfigurationChange.replace([
                .init(name: "cleanup.policy", value: "compact"), .init(name: "max.message.bytes", value: "1000"),
            ])
            _ = try await broker.topics.alterConfigurations([("t", change)])[0].get()
        }
        let large = record("k", String(repeating: "x", count: 2_000))
        let keyless = record(nil, "v")
        let codes = [
            try code { _ = try await records.produce([keyless], to: "t") },
            try code { _ = try await records.produce([large], to: "t") },
            try code { _ = try await records.produce([], to: "t") },
            try code { _ = try await records.produce([keyless], to: "t", partition: 1) },
            try code { _ = try await records.consume("t", partition: 0, from: .offset(7), countMax: 1) },
            try code { _ = try await records.consume("t", partition: 0, from: .offset(0), countMax: 1) },
        ]
        #expect(
            codes == [
                .invalidRecord, .messageTooLarge, .invalidRequest, .unknownTopicOrPartition, .offsetOutOfRange, .none,
            ])
    }

    @Test("while the partition drains, only what admitted work asks for is let in")
    func draining() throws {
        let node = try SimulatedBroker(topics: ["t"])
        let records = LocalRecords(node.broker)
        let reconciles = try node.host.registry.register("reconcile/widget")
        let gate = try #require(node.broker.partitions.snapshot()["t"]?.partitions[0]?.gate)
        let offsets = try node.run { [self, registry = node.host.registry] in
            try await reconciles.track("reconcile") {
                registry.close([gate])
                return try await records.produce([record("k", "v")], to: "t").offsets
            }
        }
        #expect(offsets == 0..<1)
        let refused = #expect(throws: LocalRecordsError.self) {
            try node.run { [self] in _ = try await records.produce([record("k", "v")], to: "t") }
        }
        #expect(refused?.code == .notLeaderOrFollower)
    }
}
