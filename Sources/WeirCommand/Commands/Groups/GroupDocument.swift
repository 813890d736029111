import KafkaClient

/// A group as `weir group describe` prints it: one shape in JSON and YAML, whichever table is asked for.
struct GroupDocument: Encodable {
    struct Coordinator: Encodable {
        var id: Int32
        var address: String
    }

    struct Partition: Encodable {
        var topic: String
        var partition: Int32
        /// Nil: nothing is committed.
        var currentOffset: Int64?
        /// Nil: the partition is gone, or nobody leads it.
        var logEndOffset: Int64?
        var lag: Int64?
        var memberID: String?
        var instanceID: String?
        var host: String?
        var clientID: String?
        var metadata: String?
    }

    struct Member: Encodable {
        struct Topic: Encodable {
            var topic: String
            var partitions: [Int32]
        }
        var memberID: String
        var instanceID: String?
        var clientID: String
        var host: String
        var epoch: Int32?
        var subscription: [String]
        var subscriptionRegex: String?
        var assignment: [Topic]?
        var target: [Topic]?
    }

    var group: String
    var type: String
    var state: String
    var protocolType: String
    var assignor: String
    var epoch: Int32?
    var assignmentEpoch: Int32?
    var coordinator: Coordinator
    /// The sum over the partitions where it is known.
    var lag: Int64
    var partitions: [Partition]
    var members: [Member]

    /// Brings together what the coordinator and the partitions' leaders say.
    init(
        _ group: GroupDescription, committed: [TopicPartition: CommittedOffset], ends: [TopicPartition: Int64]
    ) {
        self.group = group.id
        (type, state, protocolType, assignor) = (group.type, group.state, group.protocolType, group.assignor)
        (epoch, assignmentEpoch) = (group.epoch, group.assignmentEpoch)
        coordinator = Coordinator(id: group.coordinator.id, address: "\(group.coordinator.address)")
        var owners: [TopicPartition: GroupMember] = [:]
        for member in group.members {
            for partition in member.assignment ?? [] { owners[partition] = member }
        }
        partitions = Set(committed.keys).union(owners.keys).sorted().map { partition in
            let (offset, end, owner) = (committed[partition], ends[partition], owners[partition])
            var lag: Int64?
            // A committed offset behind the end is one of a topic that was made anew.
            if let offset, let end { lag = max(0, end - offset.offset) }
            return Partition(
                topic: partition.topic, partition: partition.partition, currentOffset: offset?.offset,
                logEndOffset: end, lag: lag, memberID: owner?.id, instanceID: owner?.instanceID, host: owner?.host,
                clientID: owner?.clientID, metadata: offset?.metadata.isEmpty == false ? offset?.metadata : nil)
        }
        lag = partitions.reduce(0) { $0 + ($1.lag ?? 0) }
        members = group.members.map { member in
            Member(
                memberID: member.id, instanceID: member.instanceID, clientID: member.clientID, host: member.host,
                epoch: member.epoch, subscription: member.subscription, subscriptionRegex: member.subscriptionRegex,
                assignment: member.assignment.map(Self.topics), target: member.target.map(Self.topics))
        }
    }

    private static func topics(_ partitions: [TopicPartition]) -> [Member.Topic] {
        Dictionary(grouping: partitions, by: \.topic).sorted { $0.key < $1.key }.map {
            Member.Topic(topic: $0.key, partitions: $0.value.map(\.partition).sorted())
        }
    }
}

// MARK: Tables

extension GroupDocument {
    /// One line above the tables.
    var headline: String {
        var words = ["\(group)  \(state), \(type)"]
        if !assignor.isEmpty { words.append(assignor) }
        if let epoch { words.append("epoch \(epoch)") }
        words.append("\(members.count) member\(members.count == 1 ? "" : "s")")
        words.append("lag \(lag)")
        return words.joined(separator: ", ") + ", coordinator \(coordinator.id) at \(coordinator.address)"
    }

    /// A row a partition.
    var offsetTable: Table {
        let isStatic = partitions.contains { $0.instanceID != nil }
        return Table(
            headings: [
                "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "MEMBER-ID", "HOST", "CLIENT-ID",
            ]
                + (isStatic ? ["INSTANCE-ID"] : []),
            rows: partitions.map { row in
                [
                    row.topic, "\(row.partition)", orDash(row.currentOffset.map(String.init)),
                    orDash(row.logEndOffset.map(String.init)), orDash(row.lag.map(String.init)), orDash(row.memberID),
                    orDash(row.host), orDash(row.clientID),
                ] + (isStatic ? [orDash(row.instanceID)] : [])
            }, numeric: [1, 2, 3, 4])
    }

    /// A row a member; with their partitions and topics where `detail` asks for it.
    func memberTable(_ detail: MemberDetail) -> Table {
        let isStatic = members.contains { $0.instanceID != nil }
        let hasEpochs = members.contains { $0.epoch != nil }
        var headings = ["MEMBER-ID", "HOST", "CLIENT-ID"]
        if isStatic { headings.append("INSTANCE-ID") }
        if hasEpochs { headings.append("EPOCH") }
        headings.append("#PARTITIONS")
        let numeric = Set(hasEpochs ? [headings.count - 2, headings.count - 1] : [headings.count - 1])
        if detail == .full { headings += hasEpochs ? ["ASSIGNMENT", "TARGET", "TOPICS"] : ["ASSIGNMENT", "TOPICS"] }
        let rows = members.map { member in
            var cells = [member.memberID, orDash(member.host), orDash(member.clientID)]
            if isStatic { cells.append(orDash(member.instanceID)) }
            if hasEpochs { cells.append(orDash(member.epoch.map(String.init))) }
            cells.append(orDash(member.assignment.map { "\($0.reduce(0) { $0 + $1.partitions.count })" }))
            guard detail == .full else { return cells }
            cells.append(Self.text(member.assignment))
            if hasEpochs { cells.append(Self.text(member.target)) }
            let topics = member.subscription + (member.subscriptionRegex.map { $0.isEmpty ? [] : ["/\($0)/"] } ?? [])
            cells.append(orDash(topics.joined(separator: ",")))
            return cells
        }
        return Table(headings: headings, rows: rows, numeric: numeric)
    }

    /// How much of a member is shown.
    enum MemberDetail {
        case counts
        case full
    }

    private static func text(_ topics: [Member.Topic]?) -> String {
        orDash(
            topics.map { topics in
                topics.map { "\($0.topic):\($0.partitions.map(String.init).joined(separator: ","))" }
                    .joined(separator: " ")
            })
    }

    /// One row.
    var stateTable: Table {
        Table(
            headings: ["GROUP", "TYPE", "STATE", "ASSIGNOR", "EPOCH", "#MEMBERS", "LAG", "COORDINATOR"],
            rows: [
                [
                    group, type, state, orDash(assignor), orDash(epoch.map(String.init)), "\(members.count)", "\(lag)",
                    "\(coordinator.id) (\(coordinator.address))",
                ]
            ], numeric: [4, 5, 6])
    }
}
