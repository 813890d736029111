import Raft
import WeirSimulation

/// One node of a case's cluster: a replica, what it has stored, and the work it is yet to do.
final class SimulatedNode {
    let options: NodeOptions
    private(set) var replica: Replica
    private let storage: MemoryStorage
    /// Work for the append and the apply thread, with asynchronous storage writes.
    private var appendWork: [Message] = []
    private var applyWork: [Message] = []
    /// The state machine after every entry that was applied; the last one is what is sent as a snapshot.
    private var history: [Snapshot]
    private var isSnapshotAvailable = true

    /// A node that begins from nothing, or from the snapshot that its options name.
    init(_ id: ReplicaID, _ options: NodeOptions) {
        self.options = options
        let start = options.start ?? Snapshot(last: EntryID(term: 0, index: 0), configuration: ConfigurationState())
        storage = MemoryStorage(start: start.last, configuration: start.configuration)
        storage.snapshotToSend = start
        history = [start]
        var configuration = options.configuration
        configuration.id = id
        configuration.applied = start.last.index
        replica = Replica(configuration, storage: storage, random: SeededRandom(seed: id.value))
    }

    var id: ReplicaID { status.id }
    var status: ReplicaStatus { replica.status }
    var lastSnapshot: Snapshot { history[history.count - 1] }
    private var writesAsynchronously: Bool { options.configuration.asyncStorageWrites }

    /// Loses what was not stored: a new replica begins from what was.
    func restart() {
        appendWork = []
        applyWork = []
        storage.configuration = lastSnapshot.configuration
        var configuration = options.configuration
        configuration.id = id
        configuration.applied = lastSnapshot.last.index
        replica = Replica(configuration, storage: storage, random: SeededRandom(seed: id.value))
    }

    // MARK: Ready

    /// Does what the replica asks for, or queues it. Returns the messages for others, and for itself.
    func handleReady(_ transcript: inout Transcript) throws(CommandFailure) -> [Message] {
        let ready = replica.ready()
        transcript.print(ready.describe(\.quotedText))
        if !writesAsynchronously {
            store(ready.hardState, ready.entries, ready.snapshot)
            try apply(ready.committedEntries)
        }
        var sent: [Message] = []
        for message in ready.messages {
            switch message.to {
            case .appendThread: appendWork.append(message)
            case .applyThread: applyWork.append(message)
            default: sent.append(message)
            }
        }
        if !writesAsynchronously { replica.advance() }
        return sent
    }

    // MARK: Threads

    var hasAppendWork: Bool { !appendWork.isEmpty }
    var hasApplyWork: Bool { !applyWork.isEmpty }

    /// Does the oldest work of the append thread. Returns the responses.
    func processAppendWork(_ transcript: inout Transcript) -> [Message] {
        guard hasAppendWork else {
            transcript.print("no append work to perform")
            return []
        }
        var work = appendWork.removeFirst()
        let responses = takeResponses(of: &work, &transcript)
        store(HardState(term: work.term, vote: work.vote, commit: work.commit), work.entries, work.snapshot)
        print(responses, &transcript)
        return responses
    }

    /// Does the oldest work of the apply thread. Returns the responses.
    func processApplyWork(_ transcript: inout Transcript) throws(CommandFailure) -> [Message] {
        guard hasApplyWork else {
            transcript.print("no apply work to perform")
            return []
        }
        var work = applyWork.removeFirst()
        let responses = takeResponses(of: &work, &transcript)
        try apply(work.entries)
        print(responses, &transcript)
        return responses
    }

    private func takeResponses(of work: inout Message, _ transcript: inout Transcript) -> [Message] {
        let responses = work.responses
        work.responses = []
        transcript.print("Processing:")
        transcript.print(work.describe(\.quotedText))
        return responses
    }

    private func print(_ responses: [Message], _ transcript: inout Transcript) {
        transcript.print("Responses:")
        for response in responses { transcript.print(response.describe(\.quotedText)) }
    }

    // MARK: Storage

    private func store(_ hardState: HardState?, _ entries: [Entry], _ snapshot: Snapshot?) {
        if let hardState, !hardState.isEmpty { storage.hardState = hardState }
        if let snapshot {
            storage.restore(snapshot)
            remember(snapshot)
        } else {
            // Compacted meanwhile: nobody asks for them again.
            storage.append(Array(entries.drop { $0.index < storage.firstIndex }))
        }
    }

    private func apply(_ entries: [Entry]) throws(CommandFailure) {
        for entry in entries {
            var configuration = lastSnapshot.configuration
            var text = lastSnapshot.payload.text
            if let change = entry.configurationChange {
                do {
                    configuration = try replica.apply(change)
                } catch {
                    throw CommandFailure(error.description)
                }
            } else {
                text += entry.payload.text
            }
            remember(Snapshot(last: entry.id, configuration: configuration, payload: Payload(text: text)))
        }
    }

    private func remember(_ snapshot: Snapshot) {
        history.append(snapshot)
        offerSnapshot()
    }

    private func offerSnapshot() {
        storage.snapshotToSend = isSnapshotAvailable ? lastSnapshot : nil
    }

    func setSnapshotAvailable(_ isAvailable: Bool) {
        isSnapshotAvailable = isAvailable
        offerSnapshot()
    }

    func compact(to index: LogIndex) throws(CommandFailure) {
        do {
            try storage.compact(to: index)
        } catch {
            throw CommandFailure(
                error == .compacted
                    ? "requested index is unavailable due to compaction" : "requested entry at index is unavailable")
        }
    }

    /// The stored entries, or that there are none.
    func printLog(_ transcript: inout Transcript) {
        guard !storage.entries.isEmpty else {
            let (first, last) = (storage.firstIndex.value, storage.lastIndex.value)
            return transcript.print("log is empty: first index=\(first), last index=\(last)")
        }
        for entry in storage.entries { transcript.print(entry.describe(\.quotedText)) }
    }
}
