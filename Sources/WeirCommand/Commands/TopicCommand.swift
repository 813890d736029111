import ArgumentParser
import KafkaClient
import KafkaWire
import Synchronization
import WeirIO
import WeirRuntime

/// Where the brokers are.
struct BootstrapOptions: ParsableArguments {
    @Option(help: "A broker, HOST:PORT (or WEIR_BOOTSTRAP; default 127.0.0.1:9092).")
    var bootstrap: String?

    /// A client of the cluster; closed when `body` is done. The client's errors become one line and a code.
    func withClient<Answer: Sendable>(_ body: (KafkaClient) async throws -> Answer) async throws -> Answer {
        do {
            let address = bootstrap ?? ProcessEnvironment.value("WEIR_BOOTSTRAP") ?? "127.0.0.1:9092"
            let retries = RetryNotice()
            let client = try KafkaClient(bootstrap: address) { retries.tell($0) }
            let answer: Answer
            do {
                answer = try await body(client)
            } catch {
                await client.close()
                throw error
            }
            await client.close()
            return answer
        } catch let error as ClientError {
            switch error.code {
            case .unreachable, .disconnected: throw UsageError.unavailable(error.message)
            case .badAddress: throw UsageError.usage("--bootstrap: \(error.message)")
            default: throw UsageError.failed(error.message)
            }
        }
    }

    /// Refuses a partition that the topic does not have.
    static func check(_ partition: Int32, of topic: String, in partitions: [Int32]) throws(UsageError) {
        guard !partitions.contains(partition) else { return }
        throw UsageError.failed(
            "topic '\(topic)' has no partition \(partition); it has \(partitions.first ?? 0) to \(partitions.last ?? 0)"
        )
    }
}

/// Says that a command tries again: after a second, and then every five.
private final class RetryNotice: Sendable {
    private let clock = SystemClock()
    private let state: Mutex<(last: MonotonicTime, next: MonotonicTime)>

    init() {
        state = Mutex((clock.now, clock.now + .seconds(1)))
    }

    /// Something failed and is tried again.
    func tell(_ error: ClientError) {
        let now = clock.now
        let isDue = state.withLock { state in
            // The first error after a while of none: most pass within a second.
            if now - state.last > .seconds(2) { state.next = now + .seconds(1) }
            state.last = now
            guard now >= state.next else { return false }
            state.next = now + .seconds(5)
            return true
        }
        if isDue { StandardError.write("weir: \(error.message); trying again") }
    }
}

/// `weir topic`: makes, lists, describes and deletes topics.
struct TopicCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topic", abstract: "Creates, lists, describes and deletes topics.",
        subcommands: [Create.self, List.self, Describe.self, Delete.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Creates a topic; returns when it serves.")

        @Argument(help: "The topic's name.") var name: String
        @Option(help: "Partitions (default: the broker's num.partitions).") var partitions: Int32?
        @Option(help: "Replicas (default: the broker's default.replication.factor).") var replicationFactor: Int16?
        @Option(
            name: .customLong("config"),
            help: ArgumentHelp("One configuration; may be repeated.", valueName: "KEY=VALUE"))
        var configurations: [String] = []
        @OptionGroup var options: BootstrapOptions

        func run() async throws {
            var topic = TopicRequest(name, partitionCount: partitions, replicationFactor: replicationFactor)
            for text in configurations {
                guard let equals = text.firstIndex(of: "=") else {
                    throw UsageError.usage("--config '\(text)' is not KEY=VALUE, such as retention.ms=60000")
                }
                topic.configuration[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            let count = try await options.withClient { try await $0.createTopic(topic) }
            StandardOutput.print(
                "created \(name)" + (count > 0 ? " with \(count) partition\(count == 1 ? "" : "s")" : ""))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the topics.")

        @OptionGroup var options: BootstrapOptions
        @OptionGroup var output: OutputOptions

        private struct Row: Encodable {
            var name: String
            var partitions: Int
            var id: String
        }

        func run() async throws {
            let answer = try await options.withClient { try await $0.metadata(topics: nil) }
            let rows = answer.topics.map {
                Row(name: $0.name ?? "", partitions: $0.partitions.count, id: "\($0.topicId)")
            }
            try output.print(rows.sorted { $0.name < $1.name }) { rows in
                Table(
                    headings: ["TOPIC", "PARTITIONS", "ID"], rows: rows.map { [$0.name, "\($0.partitions)", $0.id] },
                    numeric: [1])
            }
        }
    }

    struct Describe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a topic's partitions and configuration.")

        @Argument(help: "The topic's name.") var name: String
        @OptionGroup var options: BootstrapOptions
        @OptionGroup var output: OutputOptions

        private struct Description: Encodable {
            struct Partition: Encodable {
                var partition: Int32
                var leader: Int32
                var leaderEpoch: Int32
                var replicas: [Int32]
                var isr: [Int32]
                var earliest: Int64
                var latest: Int64
            }
            var name: String
            var id: String
            var partitions: [Partition]
            var configuration: [String: String]
        }

        func run() async throws {
            let description = try await options.withClient { client in
                let answer = try await client.metadata(topics: [name])
                guard let topic = answer.topics.first, topic.errorCode == .none else {
                    throw ClientError.refused(
                        "topic '\(name)'", answer.topics.first?.errorCode ?? .unknownServerError, nil)
                }
                var partitions: [Description.Partition] = []
                for partition in topic.partitions.sorted(by: { $0.partitionIndex < $1.partitionIndex }) {
                    let index = partition.partitionIndex
                    partitions.append(
                        Description.Partition(
                            partition: index, leader: partition.leaderId, leaderEpoch: partition.leaderEpoch,
                            replicas: partition.replicaNodes, isr: partition.isrNodes,
                            earliest: try await client.offset(.earliest, of: name, index),
                            latest: try await client.offset(.latest, of: name, index)))
                }
                let settings = try await client.configuration(ofTopic: name).filter(\.isOverride)
                return Description(
                    name: name, id: "\(topic.topicId)", partitions: partitions,
                    configuration: Dictionary(settings.map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { $1 }))
            }
            if output.format == .table {
                StandardOutput.print("\(description.name)  id \(description.id)")
                for (key, value) in description.configuration.sorted(by: { $0.key < $1.key }) {
                    StandardOutput.print("  \(key)=\(value)")
                }
            }
            try output.print(description) { description in
                Table(
                    headings: ["PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "EARLIEST", "LATEST"],
                    rows: description.partitions.map { partition in
                        [
                            "\(partition.partition)", "\(partition.leader)", "\(partition.leaderEpoch)",
                            partition.replicas.map(String.init).joined(separator: ","),
                            partition.isr.map(String.init).joined(separator: ","), "\(partition.earliest)",
                            "\(partition.latest)",
                        ]
                    }, numeric: [0, 1, 2, 5, 6])
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Deletes a topic; returns when its name is free.")

        @Argument(help: "The topic's name.") var name: String
        @OptionGroup var options: BootstrapOptions

        func run() async throws {
            try await options.withClient { try await $0.deleteTopic(name) }
            StandardOutput.print("deleted \(name)")
        }
    }
}
