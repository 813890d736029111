public import ArgumentParser
import Glibc
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
        commandName: "produce", abstract: "Sends each line of standard input as a record; returns when all are committed.")

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
        let count = try await options.withClient { client in
            _ = try await client.partitions(of: topic, creation: .ifMissing)
            let settings = ProducerSettings(acks: acks.number, codec: codec)
            let producer = Producer(client, topic: topic, partition: partition, settings: settings)
            var lines = StandardInput()
            var progress = Progress("records sent")
            while let batch = lines.nextBatch(sizeBytesMax: Self.batchSizeBytesMax) {
                let now = SystemClock().wallMilliseconds
                _ = try await producer.send(batch.map { record(of: $0, at: now) })
                progress.add(batch.count)
            }
            progress.finish()
            return progress.count
        }
        StandardError.write("weir: \(count) record\(count == 1 ? "" : "s") sent to \(topic)-\(partition)")
    }

    private func record(of line: String, at timestamp: Int64) -> OutgoingRecord {
        guard let keySeparator, let separator = line.firstRange(of: keySeparator) else {
            return OutgoingRecord(timestamp: timestamp, value: ByteBuffer(string: line))
        }
        return OutgoingRecord(
            timestamp: timestamp, key: ByteBuffer(string: String(line[..<separator.lowerBound])),
            value: ByteBuffer(string: String(line[separator.upperBound...])))
    }
}

/// Lines of standard input, in batches of what is there.
struct StandardInput {
    private var rest: [UInt8] = []
    private var isAtEnd = false

    /// The lines that are there, waiting for at least one; nil at the end.
    mutating func nextBatch(sizeBytesMax: Int) -> [String]? {
        while true {
            if let end = rest.prefix(sizeBytesMax).lastIndex(of: 10) ?? (rest.count > sizeBytesMax ? rest.firstIndex(of: 10) : nil) {
                let lines = rest[..<end].split(separator: 10, omittingEmptySubsequences: false)
                let batch = lines.map { String(decoding: $0, as: UTF8.self) }
                rest.removeSubrange(...end)
                return batch
            }
            if isAtEnd {
                if rest.isEmpty { return nil }
                defer { rest = [] }
                return [String(decoding: rest, as: UTF8.self)]
            }
            fill(sizeBytesMax)
        }
    }

    private mutating func fill(_ count: Int) {
        let chunk = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, read(0, buffer.baseAddress, count))
        }
        if chunk.isEmpty { isAtEnd = true }
        rest += chunk
    }
}

/// Says on standard error how far a command is, once a second, where a person watches.
struct Progress {
    private(set) var count = 0
    private let what: String
    private let clock = SystemClock()
    private var shown: MonotonicTime
    private var hasShown = false

    init(_ what: String) {
        self.what = what
        shown = clock.now
    }

    mutating func add(_ more: Int) {
        count += more
        guard StandardError.isTerminal, clock.now - shown > .seconds(1) else { return }
        shown = clock.now
        hasShown = true
        StandardError.write("\u{1B}[1A\u{1B}[2K\(count) \(what)")
    }

    func finish() {
        if hasShown { StandardError.write("\(count) \(what)") }
    }
}
