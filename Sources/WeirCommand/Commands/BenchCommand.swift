import ArgumentParser
import KafkaClient
import NIOCore
import RecordBatch
import WeirIO
import WeirRuntime

/// `weir bench`: a load generator.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Makes load, and prints throughput and latency percentiles.",
        subcommands: [Produce.self, Consume.self])

    /// What a run gave.
    struct Result: Encodable {
        var records: Int
        var bytes: Int
        var seconds: Double
        var recordsPerSecond: Double
        var mebibytesPerSecond: Double
        /// Of one request, in milliseconds.
        var latencyMs: [String: Double]

        init(records: Int, bytes: Int, took: Duration, latencies: [Duration]) {
            self.records = records
            self.bytes = bytes
            seconds = max(1e-9, Double(took.nanoseconds) / 1e9)
            recordsPerSecond = (Double(records) / seconds).rounded()
            mebibytesPerSecond = (Double(bytes) / seconds / 1_048_576 * 10).rounded() / 10
            let sorted = latencies.sorted()
            latencyMs = [:]
            guard !sorted.isEmpty else { return }
            for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1)] {
                let place = min(sorted.count - 1, Int(Double(sorted.count) * share))
                latencyMs[name] = Double(sorted[place].nanoseconds / 1000) / 1000
            }
        }

        var table: Table {
            let percentiles = ["p50", "p90", "p99", "p99.9", "max"]
            return Table(
                headings: ["RECORDS", "SECONDS", "RECORDS/S", "MIB/S"] + percentiles.map { "\($0) MS" },
                rows: [
                    ["\(records)", "\((seconds * 1000).rounded() / 1000)", "\(Int(recordsPerSecond))", "\(mebibytesPerSecond)"]
                        + percentiles.map { "\(latencyMs[$0] ?? 0)" }
                ], numeric: Set(0...8))
        }
    }

    struct Produce: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends records, each client one batch after another.",
            discussion: "Clients spread over the topic's partitions. A topic that is missing is made, if the broker may.")

        @Argument(help: "The topic.") var topic: String
        @Option(help: "Records in all.") var records = 100_000
        @Option(help: "Bytes of a value.") var size = 256
        @Option(help: "Records of a batch.") var batch = 100
        @Option(help: "Clients at once.") var clients = 4
        @Option(help: "none, gzip, snappy, lz4 or zstd.") var codec = Codec.none
        @Option(help: "all, 1 or 0.") var acks = ProduceCommand.Acks.all
        @OptionGroup var options: BootstrapOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard records > 0, size >= 0, batch > 0, clients > 0 else {
                throw ValidationError("--records, --batch and --clients must be above 0, --size at least 0")
            }
        }

        func run() async throws {
            let clock = SystemClock()
            let result = try await options.withClient { client in
                let partitions = try await client.partitions(of: topic, creation: .ifMissing)
                let begin = clock.now
                let latencies = try await withThrowingTaskGroup(of: [Duration].self) { group in
                    for number in 0..<clients {
                        let share = records / clients + (number < records % clients ? 1 : 0)
                        let partition = partitions[number % partitions.count]
                        group.addTask { try await send(share, to: partition, clock) }
                    }
                    return try await group.reduce(into: [Duration]()) { $0 += $1 }
                }
                return Result(records: records, bytes: records * size, took: clock.now - begin, latencies: latencies)
            }
            try output.print(result) { $0.table }
        }

        /// One client: a connection of its own, one batch after another.
        private func send(_ count: Int, to partition: Int32, _ clock: SystemClock) async throws -> [Duration] {
            try await options.withClient { client in
                let settings = ProducerSettings(acks: acks.number, codec: codec)
                let producer = Producer(client, topic: topic, partition: partition, settings: settings)
                let letters = (0..<size).map { (index: Int) -> UInt8 in UInt8(97 + (index * 7 + index / 13) % 26) }
                let value = ByteBuffer(bytes: letters)
                var latencies: [Duration] = []
                var left = count
                while left > 0 {
                    let now = clock.wallMilliseconds
                    let batch = (0..<min(left, batch)).map { _ in OutgoingRecord(timestamp: now, value: value) }
                    let begin = clock.now
                    _ = try await producer.send(batch)
                    latencies.append(clock.now - begin)
                    left -= batch.count
                }
                return latencies
            }
        }
    }

    struct Consume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Reads a topic from its start to its end.")

        @Argument(help: "The topic.") var topic: String
        @OptionGroup var options: BootstrapOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let clock = SystemClock()
            let result = try await options.withClient { client in
                let partitions = try await client.partitions(of: topic)
                let begin = clock.now
                var records = 0
                var bytes = 0
                var latencies: [Duration] = []
                for partition in partitions {
                    let consumer = Consumer(client, topic: topic, partition: partition, from: .earliest)
                    while true {
                        let asked = clock.now
                        let batch = try await consumer.next(wait: .zero, sizeBytesMax: 8 << 20)
                        latencies.append(clock.now - asked)
                        records += batch.records.count
                        bytes += batch.records.reduce(0) { $0 + ($1.value?.readableBytes ?? 0) }
                        if batch.isAtEnd { break }
                    }
                }
                return Result(records: records, bytes: bytes, took: clock.now - begin, latencies: latencies)
            }
            try output.print(result) { $0.table }
        }
    }
}
