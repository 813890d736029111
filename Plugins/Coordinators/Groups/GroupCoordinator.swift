public import KafkaWire
public import WeirRuntime

/// Coordinates the groups that hash to one partition of `__consumer_offsets`: the machine behind both protocols.
///
/// A heartbeat costs the same whatever there is; memory is what live members and committed offsets take.
public struct GroupCoordinator: CoordinatorMachine {
    /// The groups that have members, had some, or wait for some.
    var groups: [String: Group] = [:]
    /// The committed offsets.
    var offsets = OffsetStore()
    /// The rules, the deadlines, and what the present step wants done.
    var work: GroupWork
    /// The groups whose offsets are still to be looked at, for those that expired.
    var expiryBacklog: [String] = []
    /// Topics that are gone, and whose offsets are not all gone.
    var forgotten: [ForgottenTopics] = []

    /// How groups are coordinated.
    public var settings: GroupSettings { work.settings }
    /// The topics that there are.
    public var topics: TopicsImage { work.topics }

    /// Deadlines that one `advance` takes in.
    static let deadlineCountMax = 256

    /// A coordinator without groups.
    public init(settings: GroupSettings, topics: TopicsImage) {
        work = GroupWork(settings: settings, topics: topics)
    }

    /// Takes in a record of the log.
    public mutating func replay(_ record: CoordinatorRecord, of producer: ProducerIdentity?) throws(WireError) {
        var key = record.key
        let version = try GroupRecords.readVersion(&key)
        switch GroupRecordKind(keyVersion: version) {
        case .offset:
            let name = try OffsetCommitKey.read(from: &key, version: version)
            switch try GroupRecords.decodeValue(record.value, as: OffsetCommitValue.self) {
            case .value(let value): offsets.apply(name, value, of: producer)
            case .tombstone: offsets.apply(name, nil, of: nil)
            case .unknown: break
            }
        case .classicGroup:
            let name = try GroupMetadataKey.read(from: &key, version: version).group
            switch try GroupRecords.decodeValue(record.value, as: GroupMetadataValue.self) {
            case .value(let value): groups[name] = .classic(ClassicGroup(id: name, replaying: value))
            case .tombstone: if case .classic? = groups[name] { groups[name] = nil }
            case .unknown: break
            }
        case .consumerGroup(let version):
            try replayConsumer(version, key: &key, value: record.value)
        case .unknown:
            break
        }
    }

    /// Takes in the marker that ends a transaction in the log.
    public mutating func replay(_ marker: TransactionEnd) {
        offsets.apply(marker)
    }

    /// The log was replayed whole.
    public mutating func begin(at time: CoordinatorTime) -> Effects<GroupResponse, GroupCommand> {
        work.time = time
        // Topics that went while nobody coordinated, or just before: a new one of the same name must not inherit.
        if !topics.topics.isEmpty { forgetOffsets(of: offsets.topics.filter { topics[$0] == nil }) }
        for id in groups.keys.sorted() {
            work.cut()
            switch groups[id] {
            case .classic: changeClassic(id) { group, work in group.begin(&work) }
            case .consumer: beginConsumer(id)
            case nil: break
            }
        }
        scheduleOffsetExpiry()
        return work.takeEffects()
    }

    /// Takes in a request.
    public mutating func step(
        _ request: GroupRequest, _ ticket: Ticket, at time: CoordinatorTime
    ) -> Effects<GroupResponse, GroupCommand> {
        work.time = time
        switch request {
        case .join(let request, let origin, let memberID): join(request, origin, memberID: memberID, ticket)
        case .sync(let request, let origin): sync(request, origin, ticket)
        case .heartbeat(let request, let origin): heartbeat(request, origin, ticket)
        case .leave(let request, let origin): leave(request, origin, ticket)
        case .consumerHeartbeat(let request, let origin, let memberID):
            consumerHeartbeat(request, origin, memberID: memberID, ticket)
        case .commit(let request, let origin): commit(request, origin, ticket)
        case .transactionalCommit(let request, let origin): commit(request, origin, ticket)
        case .fetchOffsets(let request, let requireStable, _):
            fetchOffsets(request, requireStable ? .stable : .committed, ticket)
        case .deleteOffsets(let request): deleteOffsets(request, ticket)
        case .delete(let group): delete(group, ticket)
        case .describe(let group, let origin): describe(group, origin, ticket)
        case .describeConsumer(let group): describeConsumer(group, ticket)
        case .list(let request): list(request, ticket)
        case .transactionEnded(let end):
            offsets.apply(end)
            work.answer(ticket, .done)
        case .topicsChanged(let topics): topicsChanged(topics, ticket)
        case .settingsChanged(let settings): settingsChanged(settings, ticket)
        }
        return work.takeEffects()
    }

    /// Lets the deadlines pass that are not after `time`.
    public mutating func advance(to time: CoordinatorTime) -> Effects<GroupResponse, GroupCommand> {
        work.time = time
        var count = 0
        while count < Self.deadlineCountMax, let deadline = work.deadlines.popDue(at: time.now) {
            count += 1
            work.cut()
            switch deadline {
            case .session(let id, let member):
                changeClassic(id) { group, work in group.sessionDeadlineCame(member, &work) }
            case .join(let id): changeClassic(id) { group, work in group.joinDeadlineCame(&work) }
            case .sync(let id): changeClassic(id) { group, work in group.syncDeadlineCame(&work) }
            case .offsetExpiry:
                // As many records as one step should have: what is left is due at once.
                expireOffsets()
                return work.takeEffects()
            case .forgottenTopics:
                forgetOffsets()
                return work.takeEffects()
            case .consumer(let deadline): consumerDeadlineCame(deadline)
            }
        }
        return work.takeEffects()
    }

    /// When `advance` has something to do next.
    public var nextDeadline: MonotonicTime? { work.deadlines.next }
}

extension GroupCoordinator {
    /// Changes a classic group in place; nothing happens where there is none. A group of which nothing is left goes.
    mutating func changeClassic(_ id: String, _ change: (inout ClassicGroup, inout GroupWork) -> Void) {
        // Taken out while it changes: with two owners, every change would copy its members.
        guard case .classic? = groups[id], case .classic(var group)? = groups.removeValue(forKey: id) else { return }
        change(&group, &work)
        if !group.isVacant { groups[id] = .classic(group) }
    }

    private mutating func topicsChanged(_ topics: TopicsImage, _ ticket: Ticket) {
        let old = work.topics
        work.topics = topics
        if !offsets.isEmpty {
            forgetOffsets(of: Set(old.topics.filter { topics[$0.name]?.id != $0.id }.map(\.name)))
        }
        consumerTopicsChanged(from: old)
        work.answer(ticket, .done)
    }

    private mutating func settingsChanged(_ settings: GroupSettings, _ ticket: Ticket) {
        let old = work.settings
        work.settings = settings
        if settings.offsetsRetentionCheckMilliseconds != old.offsetsRetentionCheckMilliseconds {
            scheduleOffsetExpiry()
        }
        consumerSettingsChanged(from: old)
        work.answer(ticket, .done)
    }

    private mutating func scheduleOffsetExpiry() {
        work.deadlines.cancel(.offsetExpiry)
        work.schedule(.offsetExpiry, afterMilliseconds: work.settings.offsetsRetentionCheckMilliseconds)
    }
}
