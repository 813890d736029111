public import ArgumentParser
import KafkaClient
import NIOCore
public import RecordBatch
import WeirIO
import WeirRuntime

extension Codec: ExpressibleByArgument {
    /// Reads the codec's name.
    public init?(argument: String) {
        self.init(name: argument)
    }

    /// The names of all codecs.
    public static var allValueStrings: [String] { allCases.map(\.name) }
}

/// `weir produce`: lines of standard input become records.
struct ProduceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "produce",
        abstract: "Sends each line of standard input as a record; returns when all are committed.")

    @Argument(help: "The topic; made where it is missing, if the broker's settings allow it.")
    var topic: String

    @Option(help: "The partition (default 0).")
    var partition: Int32 = 0

    @Option(help: "A line is KEY, this separator, VALUE.")
    var keySeparator: String?

    @Option(help: "none, gzip, snappy, lz4 or zstd.")
    var codec = Codec.none

    @Option(help: "all: committed; 1: written by the leader; 0: sent.")
    var acks = Acks.all

    @OptionGroup var options: BootstrapOptions

    func validate() throws {
        if keySeparator == "" {
            throw ValidationError("--key-separator is empty; give what stands between KEY and VALUE")
        }
    }

    enum Acks: String, ExpressibleByArgument, CaseIterable {
        case all
        case one = "1"
        case zero = "0"

        var number: Int16 {
            switch self {
            case .all: -1
            case .one: 1
            case .zero: 0
            }
        }
    }

    /// A batch is sent when it has this many bytes, or when the input has nothing more at the moment.
    private static let batchSizeBytesMax = 64 << 10

    func run() async throws {
        let separator = keySeparator.map { ByteBuffer(string: $0) }
        let count = try await options.withClient { client in
            let partitions = try await client.partitions(of: topic, creation: .ifMissing)
            try BootstrapOptions.check(partition, of: topic, in: partitions)
            let settings = ProducerSettings(acks: acks.number, codec: codec)
            let producer = Producer(client, topic: topic, partition: partition, settings: settings)
            var lines = LineReader()
            let progress = Progress("records sent")
            let clock = SystemClock()
            while let batch = try lines.nextBatch(sizeBytesMax: Self.batchSizeBytesMax) {
                let now = clock.wallMilliseconds
                _ = try await producer.send(batch.map { Self.record(of: $0, separator, at: now) })
                progress.add(batch.count)
            }
            return progress.count
        }
        StandardError.write("weir: \(count) record\(count == 1 ? "" : "s") sent to \(topic)-\(partition)")
    }

    /// The record of a line; all of it is the value where the separator is not in it.
    static func record(of line: ByteBuffer, _ separator: ByteBuffer?, at timestamp: Int64) -> OutgoingRecord {
        guard let separator, let found = line.readableBytesView.firstRange(of: separator.readableBytesView) else {
            return OutgoingRecord(timestamp: timestamp, value: line)
        }
        var value = line
        let key = value.readSlice(length: found.lowerBound - line.readerIndex)
        value.moveReaderIndex(forwardBy: found.count)
        return OutgoingRecord(timestamp: timestamp, key: key, value: value)
    }
}
