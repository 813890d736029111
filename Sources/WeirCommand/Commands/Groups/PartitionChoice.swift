import ArgumentParser
import KafkaClient

/// Partitions as they are written on the command line: `TOPIC`, or `TOPIC:0,3`.
struct PartitionChoice: ExpressibleByArgument, Hashable, Sendable {
    var topic: String
    /// Nil: all that the topic has.
    var partitions: [Int32]?

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let topic = parts.first, !topic.isEmpty else { return nil }
        self.topic = String(topic)
        guard parts.count == 2 else { return }
        var partitions: Set<Int32> = []
        for text in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
            guard let partition = Int32(text), partition >= 0 else { return nil }
            partitions.insert(partition)
        }
        self.partitions = partitions.sorted()
    }

    /// The partitions that choices mean; one that a topic does not have is an error.
    static func resolve(_ choices: [PartitionChoice], with client: KafkaClient) async throws -> [TopicPartition] {
        var chosen: Set<TopicPartition> = []
        for choice in choices {
            let all = try await client.partitions(of: choice.topic)
            for partition in choice.partitions ?? all {
                try BootstrapOptions.check(partition, of: choice.topic, in: all)
                chosen.insert(TopicPartition(choice.topic, partition))
            }
        }
        return chosen.sorted()
    }
}

extension Sequence<TopicPartition> {
    /// As people write them: `orders:0,3 payments:1`.
    var text: String {
        Dictionary(grouping: self, by: \.topic).sorted { $0.key < $1.key }.map { topic, partitions in
            "\(topic):" + partitions.map(\.partition).sorted().map(String.init).joined(separator: ",")
        }.joined(separator: " ")
    }
}
