internal import KafkaWire
internal import SegmentLog
internal import WeirRuntime

/// The one folder that holds the logs of a node, as tools ask for it.
public struct LogDirectory: Sendable {
    /// Bytes of a file system: all of them, and those that are left for this process.
    public struct Room: Sendable, Hashable {
        /// All bytes.
        public var totalBytes: Int64
        /// Those that can be written.
        public var usableBytes: Int64

        /// Room of this size.
        public init(totalBytes: Int64, usableBytes: Int64) {
            self.totalBytes = totalBytes
            self.usableBytes = usableBytes
        }
    }

    /// Its path, as operators know it.
    public var path: String
    /// Asks the file system; nil where it does not say. May block for as long as that takes.
    public var room: @Sendable () -> Room?

    /// The folder at `path`.
    public init(path: String, room: @escaping @Sendable () -> Room? = { nil }) {
        self.path = path
        self.room = room
    }
}

extension Broker {
    /// Tells which logs are in the node's folder, how large they are, and how much room is left (KIP-827).
    func describeLogDirs(
        _ request: DescribeLogDirsRequest, _ context: RequestContext
    ) async -> DescribeLogDirsResponse {
        let served = partitions.snapshot()
        var answer = DescribeLogDirsResponse.DescribeLogDirsResult()
        answer.logDir = logDirectory.path
        if let room = logDirectory.room() {
            answer.totalBytes = room.totalBytes
            answer.usableBytes = room.usableBytes
        }
        for (topic, wanted) in Self.topics(request, in: served) {
            var described = DescribeLogDirsResponse.DescribeLogDirsTopic()
            described.name = topic.description.name
            described.partitions = await Self.sizes(wanted.compactMap { topic.partitions[$0] })
            if !described.partitions.isEmpty { answer.topics.append(described) }
        }
        var response = DescribeLogDirsResponse()
        response.results = [answer]
        return response
    }

    /// The topics asked for and their partitions; what is not here is left out, as Kafka does.
    private static func topics(
        _ request: DescribeLogDirsRequest, in served: ServedTopics
    ) -> [(topic: ServedTopic, partitions: [Int32])] {
        guard let asked = request.topics else {
            return served.topics.sorted { $0.description.name < $1.description.name }
                .map { ($0, $0.partitions.keys.sorted()) }
        }
        return asked.compactMap { asked in served[asked.topic].map { ($0, asked.partitions) } }
    }

    /// The sizes of logs, asked on their loops, one visit a loop.
    private static func sizes(
        _ partitions: [ServedPartition]
    ) async -> [DescribeLogDirsResponse.DescribeLogDirsPartition] {
        var sizes: [Int32: Int64] = [:]
        for group in Dictionary(grouping: partitions, by: { ObjectIdentifier($0.loop) }).values {
            let found = await group[0].loop.run { group.map { ($0.identity.partition, $0.log?.sizeBytes) } }
            for (partition, size) in found { sizes[partition] = size }
        }
        return partitions.compactMap { partition in
            guard let size = sizes[partition.identity.partition] else { return nil }
            var described = DescribeLogDirsResponse.DescribeLogDirsPartition()
            described.partitionIndex = partition.identity.partition
            described.partitionSize = size
            return described
        }
    }

    /// Moves logs between folders, of which there is one: a log is where it is wanted, or the folder is not known.
    func alterReplicaLogDirs(
        _ request: AlterReplicaLogDirsRequest, _ context: RequestContext
    ) -> AlterReplicaLogDirsResponse {
        let served = partitions.snapshot()
        var response = AlterReplicaLogDirsResponse()
        for directory in request.dirs {
            let isOurs = directory.path == logDirectory.path
            for topic in directory.topics {
                var answer = AlterReplicaLogDirsResponse.AlterReplicaLogDirTopicResult()
                answer.topicName = topic.name
                answer.partitions = topic.partitions.map { index in
                    var partition = AlterReplicaLogDirsResponse.AlterReplicaLogDirPartitionResult()
                    partition.partitionIndex = index
                    let isThere = served[topic.name]?.partitions[index] != nil
                    partition.errorCode =
                        isOurs ? (isThere ? .none : .unknownTopicOrPartition) : .logDirNotFound
                    return partition
                }
                response.results.append(answer)
            }
        }
        return response
    }
}
