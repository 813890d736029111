import KafkaWire
import NIOCore

@testable import Coordinators

/// Runs a transcript: lines that begin with `>` are what happens, those after them what comes of it.
///
/// Clients are called by their names, which are their member ids too. A client does at its next heartbeat what the
/// last answer told it, and says what it owns then; a slow one says that it still owns all that it had.
///
/// - `> beat A [topics=t,u] [regex=t.*] [instance=i] [assignor=range] [timeout=30] [epoch=7] [slow]`
/// - `> leave A`, `> pause A` (a static member that will be back)
/// - `> join C [topics=t]`, `> sync C`, `> ping C`: JoinGroup, SyncGroup, Heartbeat of a classic client
/// - `> topics t=4 u=2`, `> describe`, `> wait 3000`, `> restart`, `> set size=1`
struct ConsumerTranscript {
    private struct Client {
        var epoch: Int32 = 0
        var topics: [String]? = ["t"]
        var regex: String?
        var instance: String?
        var owned = TopicPartitionSet()
        var told: TopicPartitionSet?
    }

    struct Mistake: Error { var line: String }

    private var harness = ConsumerHarness(topics: Self.image(["t": 4]))
    private var clients: [String: Client] = [:]
    private var joins: [(client: String, ticket: Ticket)] = []
    private var recordCount = 0
    private var output: [String] = []

    /// The transcript with what really comes of it.
    static func run(_ script: String) throws -> String {
        var transcript = ConsumerTranscript()
        for line in script.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix(">") {
                transcript.output.append(String(line))
                try transcript.perform(line.dropFirst().split(separator: " ").map(String.init))
            } else if line.hasPrefix("#") || line.isEmpty {
                transcript.output.append(String(line))
            }
        }
        return transcript.output.joined(separator: "\n")
    }

    private static func image(_ topics: [String: Int32]) -> TopicsImage {
        TopicsImage(topics.map { .init(name: $0, id: id($0), partitionCount: $1) })
    }

    private static func id(_ topic: String) -> WireUUID {
        WireUUID(high: 3, low: topic.utf8.reduce(0) { $0 * 256 + UInt64($1) })
    }

    private mutating func perform(_ words: [String]) throws {
        guard let verb = words.first else { throw Mistake(line: "a line says what happens") }
        var options: [String: String] = [:]
        for word in words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2 { options[parts[0]] = parts[1] }
        }
        let name = words.dropFirst().first { !$0.contains("=") } ?? ""
        var answers: [String] = []
        switch verb {
        case "beat": answers = [beat(name, options, isSlow: words.contains("slow"))]
        case "leave": answers = [leave(name, -1)]
        case "pause": answers = [leave(name, -2)]
        case "join": join(name, options)
        case "sync": answers = [sync(name)]
        case "ping": answers = [ping(name)]
        case "topics": harness.setTopics(Self.image(options.compactMapValues(Int32.init)))
        case "describe": answers = [description]
        case "wait": harness.pass(milliseconds: Int64(name) ?? 0)
        case "restart": try harness.restart()
        case "set":
            var settings = harness.machine.settings
            if let size = options["size"].flatMap(Int32.init) { settings.consumerGroupSizeMax = size }
            _ = harness.ask(.settingsChanged(settings))
        default: throw Mistake(line: verb)
        }
        for record in harness.log.dropFirst(recordCount) { output.append("  record: \(try Self.text(record))") }
        recordCount = harness.log.count
        output += answers.map { "  \($0)" }
        for (client, ticket) in joins {
            guard let answer = harness.takeAnswer(ticket) else { continue }
            joins.removeAll { $0.ticket == ticket }
            output.append("  \(joined(client, answer))")
        }
    }
}

// What clients do.
extension ConsumerTranscript {
    private mutating func beat(_ name: String, _ options: [String: String], isSlow: Bool) -> String {
        var client = clients[name] ?? Client()
        let old = client
        if let topics = options["topics"] { client.topics = topics.split(separator: ",").map(String.init) }
        if let regex = options["regex"] { (client.regex, client.topics) = (regex, nil) }
        if let instance = options["instance"] { client.instance = instance }
        if let told = client.told, !isSlow { (client.owned, client.told) = (told, nil) }
        let epoch = options["epoch"].flatMap(Int32.init) ?? client.epoch
        let response = harness.heartbeat(name, epoch: epoch) { request in
            request.instanceId = client.instance
            request.serverAssignor = options["assignor"]
            if epoch == 0 || client.topics != old.topics { request.subscribedTopicNames = client.topics }
            if epoch == 0 || client.regex != old.regex { request.subscribedTopicRegex = client.regex }
            if epoch == 0 {
                request.rebalanceTimeoutMs = (options["timeout"].flatMap(Int32.init) ?? 30) * 1_000
                request.topicPartitions = []
            } else if client.owned != old.owned || isSlow {
                request.topicPartitions = client.owned.sorted.map { topic, partitions in
                    var item = ConsumerGroupHeartbeatRequest.TopicPartitions()
                    item.topicId = topic
                    item.partitions = partitions
                    return item
                }
            }
        }
        defer { clients[name] = client }
        guard response.errorCode == .none else {
            if [.fencedMemberEpoch, .unknownMemberId].contains(response.errorCode) {
                (client.epoch, client.owned, client.told) = (0, TopicPartitionSet(), nil)
            }
            return "\(name): \(response.errorCode.name)"
        }
        client.epoch = response.memberEpoch
        guard let owned = response.owned else { return "\(name): epoch \(client.epoch)" }
        client.told = TopicPartitionSet(owned.map { ($0, $1) })
        return "\(name): epoch \(client.epoch), \(text(client.told))"
    }

    private mutating func leave(_ name: String, _ epoch: Int32) -> String {
        let client = clients[name]
        let response = harness.heartbeat(name, epoch: epoch) { $0.instanceId = client?.instance }
        clients[name]?.epoch = 0
        clients[name]?.owned = TopicPartitionSet()
        clients[name]?.told = nil
        return
            "\(name): \(response.errorCode == .none ? "left, epoch \(response.memberEpoch)" : response.errorCode.name)"
    }

    private mutating func join(_ name: String, _ options: [String: String]) {
        var client = clients[name] ?? Client()
        if let topics = options["topics"] { client.topics = topics.split(separator: ",").map(String.init) }
        if let told = client.told { (client.owned, client.told) = (told, nil) }
        clients[name] = client
        var subscription = ConsumerProtocolSubscription()
        subscription.topics = client.topics ?? []
        subscription.ownedPartitions = client.owned.sorted.compactMap { topic, partitions in
            var item = ConsumerProtocolSubscription.TopicPartition()
            item.topic = harness.machine.topics[id: topic]?.name ?? ""
            item.partitions = partitions
            return item
        }
        var proto = JoinGroupRequest.JoinGroupRequestProtocol()
        proto.name = "cooperative-sticky"
        proto.metadata = GroupRecords.encode(subscription, version: 1)
        var request = JoinGroupRequest()
        request.groupId = "g"
        request.memberId = client.epoch == 0 ? "" : name
        request.protocolType = "consumer"
        request.sessionTimeoutMs = 45_000
        request.rebalanceTimeoutMs = 60_000
        request.protocols = [proto]
        // Version 3: the member gets its id with its first join.
        joins.append((name, harness.send(.join(request, ConsumerHarness.origin(3), memberID: name))))
    }

    private mutating func joined(_ name: String, _ answer: GroupResponse) -> String {
        guard case .join(let response) = answer else { return "\(name): \(answer)" }
        guard response.errorCode == .none else {
            if response.errorCode == .unknownMemberId { clients[name]?.epoch = 0 }
            return "\(name): join \(response.errorCode.name)"
        }
        clients[name]?.epoch = response.generationId
        return "\(name): generation \(response.generationId)\(response.leader == name ? ", leader" : "")"
    }

    /// The leader of a classic group assigns itself everything.
    private mutating func sync(_ name: String) -> String {
        var request = SyncGroupRequest()
        request.groupId = "g"
        request.memberId = name
        request.generationId = clients[name]?.epoch ?? 0
        if case .classic(let group)? = harness.machine.groups["g"], group.leader == name {
            let all = TopicPartitionSet(harness.machine.topics.topics.map { ($0.id, Array(0..<$0.partitionCount)) })
            var item = SyncGroupRequest.SyncGroupRequestAssignment()
            item.memberId = name
            item.assignment = ConsumerProtocol.bytes(all, answering: ByteBuffer(), harness.machine.topics)
            request.assignments = [item]
        }
        guard case .sync(let response) = harness.ask(.sync(request, ConsumerHarness.origin(3))) else { return "" }
        guard response.errorCode == .none,
            let told = try? ConsumerProtocol.assignment(response.assignment, harness.machine.topics)
        else { return "\(name): sync \(response.errorCode.name)" }
        clients[name]?.told = told
        return "\(name): sync \(text(told))"
    }

    private mutating func ping(_ name: String) -> String {
        var request = HeartbeatRequest()
        request.groupId = "g"
        request.memberId = name
        request.generationId = clients[name]?.epoch ?? 0
        guard case .heartbeat(let response) = harness.ask(.heartbeat(request, ConsumerHarness.origin(3))) else {
            return ""
        }
        return "\(name): heartbeat \(response.errorCode.name)"
    }
}

// How it is told.
extension ConsumerTranscript {
    private var description: String {
        guard let group = harness.group() else {
            guard case .classic(let group)? = harness.machine.groups["g"] else { return "no group" }
            return "classic \(group.state.rawValue), generation \(group.generation): "
                + group.members.keys.sorted().joined(separator: " ")
        }
        let members = group.members.sorted { $0.key < $1.key }.map {
            "\($0)@\($1.current.epoch)\(text($1.current.assigned))"
        }
        return "\(group.stateName), epoch \(group.epoch), targets of \(group.targetEpoch): "
            + (members.isEmpty ? "nobody" : members.joined(separator: " "))
    }

    private func text(_ set: TopicPartitionSet?) -> String { Self.text(set) }

    private static func text(_ set: TopicPartitionSet?) -> String {
        let partitions = (set?.sorted ?? []).flatMap { topic, numbers in
            numbers.map { number in
                var name = ""
                var rest = topic.low
                while rest > 0 {
                    name = String(Unicode.Scalar(UInt8(rest % 256))) + name
                    rest /= 256
                }
                return "\(name)-\(number)"
            }
        }
        return "[\(partitions.joined(separator: " "))]"
    }

    private static func text(_ record: CoordinatorRecord) throws -> String {
        var key = record.key
        let version = try GroupRecords.readVersion(&key)
        guard version != 2 else {
            guard var value = record.value else { return "classic group gone" }
            let version = try GroupRecords.readVersion(&value)
            let group = try GroupMetadataValue.read(from: &value, version: version)
            return "classic group, generation \(group.generation): "
                + group.members.map(\.memberId).joined(separator: " ")
        }
        guard let change = try ConsumerGroupChange.read(version, key: &key, value: record.value)?.change else {
            return "key version \(version)"
        }
        switch change {
        case .groupEpoch(let epoch): return epoch.map { "group epoch \($0)" } ?? "group gone"
        case .subscribedTopics(let topics):
            return "topics: "
                + (topics.isEmpty ? "none" : topics.map { "\($0.name)=\($0.partitionCount)" }.joined(separator: " "))
        case .member(let id, let value?):
            let classic = value.classicMemberMetadata == nil ? "" : " classic"
            let regex = value.pattern.map { " /\($0)/" } ?? ""
            let names = value.subscribedTopicNames.joined(separator: ",")
            return "member \(id)\(classic)\(names.isEmpty ? "" : " " + names)\(regex)"
        case .member(let id, nil): return "member \(id) gone"
        case .targetEpoch(let epoch): return epoch.map { "targets of epoch \($0)" } ?? "targets gone"
        case .target(let id, let target): return "target \(id) \(target.map(text) ?? "gone")"
        case .current(let id, let current?):
            let pending = current.pendingRevocation.isEmpty ? "" : ", gives up \(text(current.pendingRevocation))"
            return "\(id) epoch \(current.epoch) \(current.state) \(text(current.assigned))\(pending)"
        case .current(let id, nil): return "\(id) gone"
        }
    }
}
