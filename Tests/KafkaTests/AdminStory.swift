import Testing

@testable import Kafka

/// Changes of topics as a client makes them, for tests that interrupt them.
enum AdminStory {
    /// What the catalog acknowledged.
    enum Fact: Sendable {
        case present(String, partitions: Int32, retention: String?)
        case absent(String)

        func holds(_ topics: [String: TopicDescription]) -> Bool {
            switch self {
            case .present(let name, let partitions, let retention):
                topics[name]?.partitionCount == partitions
                    && topics[name]?.configuration.overrides["retention.ms"] == retention
            case .absent(let name): topics[name] == nil
            }
        }

        var name: String {
            switch self {
            case .present(let name, _, _): name
            case .absent(let name): name
            }
        }
    }

    /// A few changes one after another; returns the last thing acknowledged of each topic. A topic whose
    /// last change was refused may be in either state.
    static func tell(_ node: AdminNode) throws -> [Fact] {
        try node.run { catalog in
            var facts: [String: Fact] = [:]
            func note(_ results: [Result<TopicDescription, TopicError>], _ changes: [Fact]) {
                for (result, fact) in zip(results, changes) { facts[fact.name] = result.code == 0 ? fact : nil }
            }
            note(
                await catalog.create(["a", "b", "c"].map { NewTopic(name: $0, partitionCount: 2) }),
                ["a", "b", "c"].map { .present($0, partitions: 2, retention: nil) })
            note(await catalog.delete([.name("b")]), [.absent("b")])
            note(
                await catalog.createPartitions([NewPartitions(topic: "a", totalCount: 4)]),
                [.present("a", partitions: 4, retention: nil)])
            note(
                await catalog.alterConfigurations([("a", .replace([.init(name: "retention.ms", value: "7")]))]),
                [.present("a", partitions: 4, retention: "7")])
            note(
                await catalog.create([NewTopic(name: "b", partitionCount: 3)]),
                [.present("b", partitions: 3, retention: nil)])
            note(await catalog.delete([.name("c")]), [.absent("c")])
            return Array(facts.values)
        }
    }
}
