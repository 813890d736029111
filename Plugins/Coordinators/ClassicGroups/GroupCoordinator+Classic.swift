import KafkaWire

// Which group a request is for, and whether it is one of its kind.
extension GroupCoordinator {
    mutating func join(_ request: JoinGroupRequest, _ origin: RequestOrigin, memberID: String, _ ticket: Ticket) {
        let id = request.groupId
        if let code = refusal(of: request, freshID: memberID) {
            return work.answer(ticket, .join(.failure(code, memberID: request.memberId)))
        }
        if case .consumer(let group)? = groups[id] {
            guard group.isEmpty else { return joinConsumer(request, origin, memberID: memberID, ticket) }
            // An empty group has no protocol: it begins anew in the one that its first member speaks.
            group.tombstones.forEach { work.append($0) }
            groups[id] = nil
        }
        if groups[id] == nil {
            guard request.memberId.isEmpty else {
                return work.answer(ticket, .join(.failure(.unknownMemberId, memberID: request.memberId)))
            }
            groups[id] = .classic(ClassicGroup(id: id, wallMilliseconds: work.time.wallMilliseconds))
        }
        changeClassic(id) { group, work in group.join(request, origin, freshID: memberID, ticket, &work) }
    }

    private func refusal(of request: JoinGroupRequest, freshID: String) -> ErrorCode? {
        guard !request.groupId.isEmpty, GroupRecords.canHold(request.groupId) else { return .invalidGroupId }
        let bounds =
            settings.sessionMillisecondsMin...max(settings.sessionMillisecondsMin, settings.sessionMillisecondsMax)
        guard bounds.contains(request.sessionTimeoutMs) else { return .invalidSessionTimeout }
        // A fresh id is longer than the name that it is made of.
        let names = [freshID, request.groupInstanceId ?? "", request.protocolType] + request.protocols.map(\.name)
        guard names.allSatisfy(GroupRecords.canHold) else { return .invalidRequest }
        // An id that is empty is no id, to Kafka's own check of instance ids too.
        return request.groupInstanceId == "" ? .invalidRequest : nil
    }

    mutating func sync(_ request: SyncGroupRequest, _ origin: RequestOrigin, _ ticket: Ticket) {
        if request.groupId.isEmpty { return work.answer(ticket, .sync(.failure(.invalidGroupId))) }
        switch groups[request.groupId] {
        case .classic: changeClassic(request.groupId) { group, work in group.sync(request, ticket, &work) }
        case .consumer: syncConsumer(request, origin, ticket)
        case nil: work.answer(ticket, .sync(.failure(.unknownMemberId)))
        }
    }

    mutating func heartbeat(_ request: HeartbeatRequest, _ origin: RequestOrigin, _ ticket: Ticket) {
        if request.groupId.isEmpty { return work.answer(ticket, .heartbeat(HeartbeatResponse(.invalidGroupId))) }
        switch groups[request.groupId] {
        case .classic(let group):
            let code = group.heartbeat(request, &work)
            work.answer(ticket, .heartbeat(HeartbeatResponse(code)))
        case .consumer: heartbeatConsumer(request, origin, ticket)
        case nil: work.answer(ticket, .heartbeat(HeartbeatResponse(.unknownMemberId)))
        }
    }

    mutating func leave(_ request: LeaveGroupRequest, _ origin: RequestOrigin, _ ticket: Ticket) {
        if request.groupId.isEmpty {
            var response = LeaveGroupResponse()
            response.errorCode = .invalidGroupId
            return work.answer(ticket, .leave(response))
        }
        switch groups[request.groupId] {
        case .classic: changeClassic(request.groupId) { group, work in group.leave(request, ticket, &work) }
        case .consumer: leaveConsumer(request, origin, ticket)
        case nil: work.answer(ticket, .leave(LeaveGroupResponse(unknownMembersOf: request)))
        }
    }
}
