import ArgumentParser
import FoundationEssentials
import KafkaClient
import NIOCore
import RecordBatch

/// `weir consume`: prints records.
struct ConsumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consume", abstract: "Prints the records of a topic, one line each, until Ctrl-C.")

    @Argument(help: "The topic.")
    var topic: String

    @Option(help: "The partition (default: all).")
    var partition: Int32?

    @Option(help: "earliest, latest, an offset, or @MILLISECONDS since 1970.")
    var from = StartPosition(position: .latest)

    @Option(help: "Stop after this many records.")
    var count: Int?

    @Flag(help: "Stop at the end instead of waiting for more.")
    var exit = false

    @Option(name: [.customShort("o"), .customLong("output")], help: "value, or json: one object a record.")
    var output = Form.value

    @OptionGroup var options: BootstrapOptions

    enum Form: String, ExpressibleByArgument, CaseIterable {
        case value
        case json
    }

    /// Where to begin, as it is written on the command line.
    struct StartPosition: ExpressibleByArgument {
        var position: OffsetPosition

        init(position: OffsetPosition) {
            self.position = position
        }

        init?(argument: String) {
            switch argument {
            case "earliest": position = .earliest
            case "latest": position = .latest
            default:
                if argument.hasPrefix("@"), let timestamp = Int64(argument.dropFirst()), timestamp >= 0 {
                    position = .timestamp(timestamp)
                } else if let offset = Int64(argument), offset >= 0 {
                    position = .offset(offset)
                } else {
                    return nil
                }
            }
        }

        var defaultValueDescription: String { "latest" }
    }

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count is \(count); it must be at least 1") }
    }

    func run() async throws {
        try await options.withClient { client in
            let all = try await client.partitions(of: topic)
            if let partition { try BootstrapOptions.check(partition, of: topic, in: all) }
            let consumer = Consumer(
                client, topic: topic, partitions: partition.map { [$0] } ?? all, from: from.position)
            var left = count ?? .max
            while left > 0 {
                let batch = try await consumer.next()
                for record in batch.records.prefix(left) { try write(record) }
                left -= min(left, batch.records.count)
                StandardOutput.flush()
                if exit, batch.isAtEnd { break }
            }
        }
    }

    private struct Line: Encodable {
        struct Header: Encodable {
            var key: String
            var value: String?
        }
        var partition: Int32
        var offset: Int64
        var timestamp: Int64
        var key: String?
        var value: String?
        var headers: [Header]
    }

    /// Prints one record: its value byte for byte, or an object of texts (what is no UTF-8 shows as U+FFFD).
    private func write(_ record: IncomingRecord) throws {
        guard output == .json else {
            if let value = record.value { StandardOutput.write(value.readableBytesView) }
            return StandardOutput.write(CollectionOfOne(UInt8(ascii: "\n")))
        }
        let line = Line(
            partition: record.partition, offset: record.offset, timestamp: record.timestamp,
            key: record.key.map { String(buffer: $0) }, value: record.value.map { String(buffer: $0) },
            headers: record.headers.map { Line.Header(key: $0.key, value: $0.value.map { String(buffer: $0) }) })
        StandardOutput.write(try OutputOptions.line(line))
        StandardOutput.write(CollectionOfOne(UInt8(ascii: "\n")))
    }
}
