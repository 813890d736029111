extension MessageCodec {
    // MARK: Whole values

    /// Appends the snapshot by itself.
    public func encode(_ snapshot: Snapshot, into bytes: inout [UInt8], payload: PayloadWriter) {
        bytes.append(Self.version)
        encodeBody(snapshot, into: &bytes, payload: payload)
    }

    /// The snapshot that the bytes are, all of them.
    public func decodeSnapshot(
        _ bytes: UnsafeRawBufferPointer, payload: PayloadReader
    ) throws(DecodeError) -> Snapshot {
        var reader = try reader(of: bytes)
        let snapshot = try decodeSnapshot(&reader, payload: payload)
        try reader.end()
        return snapshot
    }

    /// Appends the configuration by itself. Its lists must ascend.
    public func encode(_ configuration: ConfigurationState, into bytes: inout [UInt8]) {
        bytes.append(Self.version)
        encodeBody(configuration, into: &bytes)
    }

    /// The configuration that the bytes are, all of them.
    public func decodeConfiguration(_ bytes: UnsafeRawBufferPointer) throws(DecodeError) -> ConfigurationState {
        var reader = try reader(of: bytes)
        let configuration = try decodeConfiguration(&reader)
        try reader.end()
        return configuration
    }

    /// Appends the change by itself.
    public func encode(_ change: ConfigurationChange, into bytes: inout [UInt8]) {
        bytes.append(Self.version)
        encodeBody(change, into: &bytes)
    }

    /// The change that the bytes are, all of them.
    public func decodeChange(_ bytes: UnsafeRawBufferPointer) throws(DecodeError) -> ConfigurationChange {
        var reader = try reader(of: bytes)
        let change = try decodeChange(&reader)
        try reader.end()
        return change
    }

    /// Appends the state by itself.
    public func encode(_ state: HardState, into bytes: inout [UInt8]) {
        bytes.append(Self.version)
        bytes.appendNumber(state.term.value)
        bytes.appendVarint(state.vote.value)
        bytes.appendNumber(state.commit.value)
    }

    /// The state that the bytes are, all of them.
    public func decodeHardState(_ bytes: UnsafeRawBufferPointer) throws(DecodeError) -> HardState {
        var reader = try reader(of: bytes)
        let term = Term(try reader.number(.term))
        let voteOffset = reader.offset
        let vote = ReplicaID(try reader.varint(.vote))
        guard !vote.isLocalThread else { throw DecodeError(.outOfRange, .vote, at: voteOffset) }
        let commit = LogIndex(try reader.number(.commit))
        try reader.end()
        return HardState(term: term, vote: vote, commit: commit)
    }

    // MARK: Snapshots

    func encodeBody(_ snapshot: Snapshot, into bytes: inout [UInt8], payload: PayloadWriter) {
        bytes.appendNumber(snapshot.last.term.value)
        bytes.appendNumber(snapshot.last.index.value)
        encodeBody(snapshot.configuration, into: &bytes)
        encodeBody(snapshot.payload, into: &bytes, payload: payload)
    }

    func decodeSnapshot(_ reader: inout ByteReader, payload: PayloadReader) throws(DecodeError) -> Snapshot {
        let term = Term(try reader.number(.term))
        let index = LogIndex(try reader.number(.index))
        let configuration = try decodeConfiguration(&reader)
        let payload = try decodePayload(&reader, payload: payload)
        return Snapshot(last: EntryID(term: term, index: index), configuration: configuration, payload: payload)
    }

    // MARK: Configurations

    /// Bits of a configuration's first byte; a list's bit says that it is not empty.
    private static let autoLeaveBit: UInt8 = 1 << 0
    private static let votersBit: UInt8 = 1 << 1
    private static let votersOutgoingBit: UInt8 = 1 << 2
    private static let learnersBit: UInt8 = 1 << 3
    private static let learnersNextBit: UInt8 = 1 << 4

    private func encodeBody(_ configuration: ConfigurationState, into bytes: inout [UInt8]) {
        var bits: UInt8 = configuration.autoLeave ? Self.autoLeaveBit : 0
        if !configuration.voters.isEmpty { bits |= Self.votersBit }
        if !configuration.votersOutgoing.isEmpty { bits |= Self.votersOutgoingBit }
        if !configuration.learners.isEmpty { bits |= Self.learnersBit }
        if !configuration.learnersNext.isEmpty { bits |= Self.learnersNextBit }
        bytes.append(bits)
        encodeMembers(configuration.voters, into: &bytes)
        encodeMembers(configuration.votersOutgoing, into: &bytes)
        encodeMembers(configuration.learners, into: &bytes)
        encodeMembers(configuration.learnersNext, into: &bytes)
    }

    private func decodeConfiguration(_ reader: inout ByteReader) throws(DecodeError) -> ConfigurationState {
        let begin = reader.offset
        let bits = try reader.byte(.configuration)
        guard bits < Self.learnersNextBit << 1 else { throw DecodeError(.unknownValue, .configuration, at: begin) }
        var configuration = ConfigurationState(autoLeave: bits & Self.autoLeaveBit != 0)
        if bits & Self.votersBit != 0 { configuration.voters = try decodeMembers(&reader) }
        if bits & Self.votersOutgoingBit != 0 { configuration.votersOutgoing = try decodeMembers(&reader) }
        if bits & Self.learnersBit != 0 { configuration.learners = try decodeMembers(&reader) }
        if bits & Self.learnersNextBit != 0 { configuration.learnersNext = try decodeMembers(&reader) }
        return configuration
    }

    /// The number of members, then each less the one before. Nothing for an empty list.
    private func encodeMembers(_ members: [ReplicaID], into bytes: inout [UInt8]) {
        guard !members.isEmpty else { return }
        bytes.appendVarint(UInt64(members.count))
        var before: UInt64 = 0
        for member in members {
            precondition(member.value > before && !member.isLocalThread, "a configuration's lists ascend")
            bytes.appendVarint(member.value - before)
            before = member.value
        }
    }

    private func decodeMembers(_ reader: inout ByteReader) throws(DecodeError) -> [ReplicaID] {
        let count = try reader.count(.configuration, max: limits.membersMax)
        var members: [ReplicaID] = []
        members.reserveCapacity(count)
        var before: UInt64 = 0
        for _ in 0..<count {
            let begin = reader.offset
            let step = try reader.varint(.configuration)
            guard step > 0 else { throw DecodeError(.notAscending, .configuration, at: begin) }
            let (value, overflow) = before.addingReportingOverflow(step)
            guard !overflow, !ReplicaID(value).isLocalThread else {
                throw DecodeError(.outOfRange, .configuration, at: begin)
            }
            members.append(ReplicaID(value))
            before = value
        }
        return members
    }

    // MARK: Changes

    func encodeBody(_ change: ConfigurationChange, into bytes: inout [UInt8]) {
        bytes.append(change.transition.rawValue)
        bytes.appendVarint(UInt64(change.operations.count))
        for operation in change.operations { encodeOperation(operation, into: &bytes) }
    }

    func decodeChange(_ reader: inout ByteReader) throws(DecodeError) -> ConfigurationChange {
        let begin = reader.offset
        guard let transition = ConfigurationChange.Transition(rawValue: try reader.byte(.change)) else {
            throw DecodeError(.unknownValue, .change, at: begin)
        }
        let countOffset = reader.offset
        let count = try reader.number(.change)
        guard count <= UInt64(limits.membersMax) else { throw DecodeError(.overLimit, .change, at: countOffset) }
        guard count <= UInt64(reader.remaining) else { throw DecodeError(.truncated, .change, at: countOffset) }
        var operations: [ConfigurationChange.Operation] = []
        operations.reserveCapacity(Int(count))
        for _ in 0..<count { operations.append(try decodeOperation(&reader)) }
        return ConfigurationChange(operations, transition: transition)
    }

    func encodeOperation(_ operation: ConfigurationChange.Operation, into bytes: inout [UInt8]) {
        bytes.append(operation.kind.rawValue)
        bytes.appendVarint(operation.replica.value)
    }

    func decodeOperation(_ reader: inout ByteReader) throws(DecodeError) -> ConfigurationChange.Operation {
        let begin = reader.offset
        guard let kind = ConfigurationChange.Operation.Kind(rawValue: try reader.byte(.change)) else {
            throw DecodeError(.unknownValue, .change, at: begin)
        }
        let replicaOffset = reader.offset
        let replica = ReplicaID(try reader.varint(.change))
        guard !replica.isLocalThread else { throw DecodeError(.outOfRange, .change, at: replicaOffset) }
        return ConfigurationChange.Operation(kind, replica)
    }
}
