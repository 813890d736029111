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
                if argument.hasPrefix("@"), let timestamp = Int64(argument.dropFirst()) {
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

    func run() async throws {
        try await options.withClient { client in
            let all = try await client.partitions(of: topic)
            let wanted = partition.map { [$0] } ?? all
            var consumers = wanted.map { Consumer(client, topic: topic, partition: $0, from: from.position) }
            var left = count ?? .max
            while left > 0, !consumers.isEmpty {
                var waiting: [Consumer] = []
                for consumer in consumers {
                    // One partition may wait for news; among several, none holds the others up.
                    let batch = try await consumer.next(wait: consumers.count == 1 ? .milliseconds(500) : .milliseconds(50))
                    for record in batch.records.prefix(left) { print(try line(record)) }
                    left -= min(left, batch.records.count)
                    flushOutput()
                    if !(exit && batch.isAtEnd) { waiting.append(consumer) }
                }
                consumers = waiting
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

    private func line(_ record: IncomingRecord) throws -> String {
        guard output == .json else { return record.value.map { String(buffer: $0) } ?? "" }
        let line = Line(
            partition: record.partition, offset: record.offset, timestamp: record.timestamp,
            key: record.key.map { String(buffer: $0) }, value: record.value.map { String(buffer: $0) },
            headers: record.headers.map { Line.Header(key: $0.key, value: $0.value.map { String(buffer: $0) }) })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(line), as: UTF8.self)
    }
}
