import KafkaWire
import NIOCore
import WeirRuntime

@testable import Coordinators

/// Runs a transcript: lines that begin with `>` are what happens, those after them what comes of it.
///
/// Clients are called by their names, and know what they were told last: their member id, the generation, the members.
///
/// - `> join A [protocols=range,sticky] [topics=t] [instance=i] [version=9] [session=10] [rebalance=60] [id=none]`
/// - `> sync A [A=t-0,t-1 B=t-2] [generation=7]`, `> heartbeat A`, `> leave A`, `> remove instance=i`
/// - `> commit A t-0=5`, `> commit t-0=5`, `> txn-commit 7 t-0=5`, `> end 7 commit`, `> fetch [stable] t-0`
/// - `> describe`, `> list`, `> delete`, `> wait 3000`, `> restart`, `> set delay=0`
struct GroupTranscript {
    private struct Client {
        var memberID = ""
        var generation: Int32 = -1
        var instanceID: String?
        var protocolName: String?
        var origin = RequestOrigin(version: 9, clientID: "", clientHost: "/127.0.0.1")
    }

    struct Mistake: Error { var line: String }

    private var world: GroupWorld
    private var clients: [String: Client] = [:]
    private var names: [Ticket: (client: String, what: String)] = [:]
    private var joins: [String: Int] = [:]
    private var settings = GroupSettings()
    private var output: [String] = []

    private init() { world = GroupWorld(settings: settings) }

    /// The transcript with what really comes of it.
    static func run(_ script: String) throws -> String {
        var transcript = GroupTranscript()
        for line in script.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix(">") {
                transcript.output.append(String(line))
                try transcript.perform(line.dropFirst().split(separator: " ").map(String.init))
            } else if line.hasPrefix("#") || line.isEmpty {
                transcript.output.append(String(line))
            }
        }
        // A list of nothing leaves a blank at the end.
        return transcript.output.map { line in String(line.reversed().drop { $0 == " " }.reversed()) }
            .joined(separator: "\n")
    }

    private mutating func perform(_ words: [String]) throws {
        guard let verb = words.first else { throw Mistake(line: "a line says what happens") }
        var options: [String: String] = [:]
        for word in words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2 { options[parts[0]] = parts[1] }
        }
        let name = words.dropFirst().first { !$0.contains("=") } ?? ""
        switch verb {
        case "join": join(name, options)
        case "sync": sync(name, options)
        case "heartbeat": heartbeat(name)
        case "leave", "remove": leave(name, options)
        case "commit": commit(name, options)
        case "txn-commit": transactionalCommit(Int64(name) ?? 0, options)
        case "end":
            let outcome: TransactionOutcome = words.last == "commit" ? .committed : .aborted
            ask(
                .transactionEnded(
                    TransactionEnd(producer: ProducerIdentity(id: Int64(name) ?? 0, epoch: 0), outcome: outcome)), name,
                "end")
        case "fetch": fetch(words)
        case "describe":
            ask(.describe(group: "g", RequestOrigin(version: 6, clientID: "tool", clientHost: "/")), "", "describe")
        case "list": ask(.list(ListGroupsRequest()), "", "list")
        case "delete": ask(.delete(group: "g"), "", "delete")
        case "wait": world.pass(milliseconds: Int64(name) ?? 0)
        case "restart":
            for ticket in try world.restart().sorted(by: { $0.number < $1.number }) {
                let lost = names[ticket]
                output.append("  \(lost?.client ?? "?"): \(lost?.what ?? "?") lost")
            }
        case "set":
            if let delay = options["delay"].flatMap(Int32.init) { settings.initialRebalanceDelayMilliseconds = delay }
            if let size = options["size"].flatMap(Int32.init) { settings.groupSizeMax = size }
            ask(.settingsChanged(settings), "", "set")
        default: throw Mistake(line: verb)
        }
        for record in world.inFlight.flatMap(\.records) { describe(record) }
        for answer in try world.commit() { describe(answer.ticket, answer.response) }
    }

    private mutating func ask(_ request: GroupRequest, _ client: String, _ what: String) {
        names[world.step(request)] = (client, what)
    }

    private mutating func join(_ name: String, _ options: [String: String]) {
        var client = clients[name] ?? Client()
        client.origin.clientID = name
        client.origin.version = options["version"].flatMap(Int16.init) ?? client.origin.version
        if let instance = options["instance"] { client.instanceID = instance }
        if options["id"] == "none" { client.memberID = "" }
        clients[name] = client
        var request = JoinGroupRequest()
        request.groupId = "g"
        request.memberId = client.memberID
        request.groupInstanceId = client.instanceID
        request.protocolType = "consumer"
        request.sessionTimeoutMs = (options["session"].flatMap(Int32.init) ?? 10) * 1_000
        request.rebalanceTimeoutMs = (options["rebalance"].flatMap(Int32.init) ?? 60) * 1_000
        request.protocols = (options["protocols"] ?? "range").split(separator: ",").map { proto in
            var offered = JoinGroupRequest.JoinGroupRequestProtocol()
            offered.name = String(proto)
            offered.metadata = subscription(options["topics"] ?? "t")
            return offered
        }
        joins[name, default: 0] += 1
        ask(.join(request, client.origin, memberID: "\(name)-\(joins[name] ?? 0)"), name, "join")
    }

    private func subscription(_ topics: String) -> ByteBuffer {
        var value = ConsumerProtocolSubscription()
        value.topics = topics.split(separator: ",").map(String.init)
        return GroupRecords.encode(value, version: 0)
    }

    private mutating func sync(_ name: String, _ options: [String: String]) {
        var request = SyncGroupRequest()
        request.groupId = "g"
        request.memberId = clients[name]?.memberID ?? ""
        request.groupInstanceId = clients[name]?.instanceID
        request.generationId = options["generation"].flatMap(Int32.init) ?? clients[name]?.generation ?? -1
        request.assignments = options.filter { clients[$0.key] != nil }.map { other, partitions in
            var assignment = SyncGroupRequest.SyncGroupRequestAssignment()
            assignment.memberId = clients[other]?.memberID ?? ""
            assignment.assignment = ByteBuffer(string: partitions)
            return assignment
        }
        ask(.sync(request, clients[name]?.origin ?? Client().origin), name, "sync")
    }

    private mutating func heartbeat(_ name: String) {
        var request = HeartbeatRequest()
        request.groupId = "g"
        request.memberId = clients[name]?.memberID ?? ""
        request.groupInstanceId = clients[name]?.instanceID
        request.generationId = clients[name]?.generation ?? -1
        ask(.heartbeat(request, clients[name]?.origin ?? Client().origin), name, "heartbeat")
    }

    private mutating func leave(_ name: String, _ options: [String: String]) {
        var member = LeaveGroupRequest.MemberIdentity()
        member.memberId = clients[name]?.memberID ?? ""
        member.groupInstanceId = options["instance"] ?? clients[name]?.instanceID
        var request = LeaveGroupRequest()
        request.groupId = "g"
        request.members = [member]
        ask(.leave(request, clients[name]?.origin ?? Client().origin), name, "leave")
    }

    private mutating func commit(_ name: String, _ options: [String: String]) {
        var request = OffsetCommitRequest()
        request.groupId = "g"
        request.memberId = clients[name]?.memberID ?? ""
        request.groupInstanceId = clients[name]?.instanceID
        request.generationIdOrMemberEpoch = clients[name]?.generation ?? -1
        request.topics = options.sorted { $0.key < $1.key }.map { partition, offset in
            let parts = partition.split(separator: "-")
            var entry = OffsetCommitRequest.OffsetCommitRequestPartition()
            entry.partitionIndex = Int32(parts.last ?? "") ?? 0
            entry.committedOffset = Int64(offset) ?? 0
            var topic = OffsetCommitRequest.OffsetCommitRequestTopic()
            topic.name = String(parts.first ?? "")
            topic.partitions = [entry]
            return topic
        }
        ask(.commit(request, clients[name]?.origin ?? Client().origin), name, "commit")
    }

    private mutating func transactionalCommit(_ producer: Int64, _ options: [String: String]) {
        var request = TxnOffsetCommitRequest()
        request.groupId = "g"
        request.producerId = producer
        request.topics = options.sorted { $0.key < $1.key }.map { partition, offset in
            let parts = partition.split(separator: "-")
            var entry = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition()
            entry.partitionIndex = Int32(parts.last ?? "") ?? 0
            entry.committedOffset = Int64(offset) ?? 0
            var topic = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic()
            topic.name = String(parts.first ?? "")
            topic.partitions = [entry]
            return topic
        }
        ask(.transactionalCommit(request, Client().origin), String(producer), "txn-commit")
    }

    private mutating func fetch(_ words: [String]) {
        var request = OffsetFetchRequest.OffsetFetchRequestGroup()
        request.groupId = "g"
        let partitions = words.dropFirst().filter { $0 != "stable" }
        request.topics =
            partitions.isEmpty
            ? nil
            : partitions.map { partition in
                let parts = partition.split(separator: "-")
                var topic = OffsetFetchRequest.OffsetFetchRequestTopics()
                topic.name = String(parts.first ?? "")
                topic.partitionIndexes = [Int32(parts.last ?? "") ?? 0]
                return topic
            }
        ask(.fetchOffsets(request, requireStable: words.contains("stable"), Client().origin), "", "fetch")
    }
}

// What comes of it, in words.
extension GroupTranscript {
    private mutating func describe(_ record: CoordinatorRecord) {
        var key = record.key
        guard let version = key.readInteger(as: Int16.self) else { return output.append("  record ?") }
        var value = record.value
        let valueVersion = value?.readInteger(as: Int16.self) ?? 0
        if version == 2, let name = try? GroupMetadataKey.read(from: &key, version: 2) {
            guard var rest = value, let group = try? GroupMetadataValue.read(from: &rest, version: valueVersion) else {
                return output.append("  record: group \(name.group) is gone")
            }
            let members = group.members.map { "\($0.memberId)[\(String(buffer: $0.assignment))]" }
            output.append(
                "  record: group \(name.group), generation \(group.generation), \(group.protocol ?? "no protocol"),"
                    + " leader \(group.leader ?? "none"), members: \(members.joined(separator: " "))")
        } else if version == 1, let name = try? OffsetCommitKey.read(from: &key, version: 1) {
            guard var rest = value, let offset = try? OffsetCommitValue.read(from: &rest, version: valueVersion) else {
                return output.append("  record: offset \(name.topic)-\(name.partition) is gone")
            }
            output.append("  record: offset \(name.topic)-\(name.partition) = \(offset.offset)")
        }
    }

    private mutating func describe(_ ticket: Ticket, _ response: GroupResponse) {
        let (name, what) = names.removeValue(forKey: ticket) ?? ("?", "?")
        let prefix = "  \(name.isEmpty ? "" : "\(name): ")\(what)"
        switch response {
        case .join(let join):
            if !join.memberId.isEmpty, join.errorCode == .none || join.errorCode == .memberIdRequired {
                clients[name]?.memberID = join.memberId
            }
            guard join.errorCode == .none else {
                return output.append("\(prefix) \(join.errorCode)\(join.memberId.isEmpty ? "" : " \(join.memberId)")")
            }
            clients[name]?.generation = join.generationId
            let members = join.members.map(\.memberId).joined(separator: " ")
            output.append(
                "\(prefix) generation \(join.generationId), \(join.protocolName ?? "-"), \(join.memberId), leader \(join.leader)"
                    + (members.isEmpty ? "" : ", members: \(members)")
                    + (join.skipAssignment ? ", skips the assignment" : ""))
        case .sync(let sync):
            output.append(
                "\(prefix) \(sync.errorCode == .none ? "[\(String(buffer: sync.assignment))]" : "\(sync.errorCode)")")
        case .heartbeat(let heartbeat): output.append("\(prefix) \(heartbeat.errorCode)")
        case .leave(let leave):
            let codes = leave.members.map { "\($0.errorCode)" }.joined(separator: " ")
            output.append("\(prefix) \(leave.errorCode == .none ? codes : "\(leave.errorCode)")")
        case .commit(let commit):
            output.append(
                "\(prefix) \(commit.topics.flatMap(\.partitions).map { "\($0.errorCode)" }.joined(separator: " "))")
        case .transactionalCommit(let commit):
            output.append(
                "\(prefix) \(commit.topics.flatMap(\.partitions).map { "\($0.errorCode)" }.joined(separator: " "))")
        case .fetchOffsets(let fetched):
            let offsets = fetched.topics.flatMap { topic in
                topic.partitions.map { entry in
                    "\(topic.name)-\(entry.partitionIndex)="
                        + (entry.errorCode == .none ? "\(entry.committedOffset)" : "\(entry.errorCode)")
                }
            }
            output.append("\(prefix) \(offsets.joined(separator: " "))")
        case .describe(let group):
            let members = group.members.map { "\($0.memberId)[\(String(buffer: $0.memberAssignment))]" }
            output.append(
                "\(prefix) \(group.errorCode == .none ? group.groupState : "\(group.errorCode)") \(members.joined(separator: " "))"
            )
        case .list(let groups):
            output.append(
                "\(prefix) \(groups.map { "\($0.groupId) \($0.groupState) \($0.groupType) '\($0.protocolType)'" }.joined(separator: "; "))"
            )
        case .delete(let code): output.append("\(prefix) \(code)")
        case .deleteOffsets(let response): output.append("\(prefix) \(response.errorCode)")
        case .done: break
        case .consumerHeartbeat, .describeConsumer: output.append("\(prefix) ?")
        }
    }
}
