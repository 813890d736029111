import KafkaWire

// What tools ask: which groups there are, and that one goes.
extension GroupCoordinator {
    /// DescribeGroups of one group.
    mutating func describe(_ id: String, _ origin: RequestOrigin, _ ticket: Ticket) {
        var described = DescribeGroupsResponse.DescribedGroup()
        described.groupId = id
        switch groups[id] {
        case .classic(let group):
            described = group.described
        case nil where offsets.hasGroup(id):
            // Nobody ever joined: consumers without a group commit offsets under its name.
            described.groupState = ClassicGroup.State.empty.rawValue
        case .consumer, nil:
            described.groupState = "Dead"
            // KIP-1043: before version 6 there was no way to say it.
            guard origin.version >= 6 else { break }
            described.errorCode = .groupIdNotFound
            described.errorMessage =
                groups[id] == nil
                ? "Group \(id.shortened) not found." : "Group \(id.shortened) is not a classic group."
        }
        work.answer(ticket, .describe(described))
    }

    /// ListGroups. An empty filter lets everything pass; names count without their case.
    mutating func list(_ request: ListGroupsRequest, _ ticket: Ticket) {
        let states = Set(request.statesFilter.map { $0.lowercased() })
        let types = Set(request.typesFilter.map { $0.lowercased() })
        var listed = groups.map { id, group in group.listed(id) }
        for id in offsets.groups where groups[id] == nil {
            listed.append(Group.classic(ClassicGroup(id: id, wallMilliseconds: 0)).listed(id))
        }
        listed = listed.filter { group in
            (states.isEmpty || states.contains(group.groupState.lowercased()))
                && (types.isEmpty || types.contains(group.groupType.lowercased()))
        }
        work.answer(ticket, .list(listed.sorted { $0.groupId < $1.groupId }))
    }

    /// DeleteGroups of one group: it goes with all its offsets, and last itself.
    mutating func delete(_ id: String, _ ticket: Ticket) {
        guard groups[id] != nil || offsets.hasGroup(id) else {
            return work.answer(ticket, .delete(.groupIdNotFound))
        }
        if let group = groups[id], !group.isEmpty { return work.answer(ticket, .delete(.nonEmptyGroup)) }
        for partition in offsets.partitions(group: id) {
            removeOffset(group: id, partition)
            work.cut()
        }
        deleteEmptyGroup(id)
        work.answer(ticket, .delete(.none))
    }

    /// A group without members goes, if there is one. Ids that it gave out are not known any more.
    mutating func deleteEmptyGroup(_ id: String) {
        guard let group = groups[id], group.isEmpty else { return }
        group.tombstones.forEach { work.append($0) }
        if case .classic(let group) = group {
            for memberID in group.pendingJoins { work.deadlines.cancel(.session(group: id, member: memberID)) }
        }
        groups[id] = nil
    }
}
