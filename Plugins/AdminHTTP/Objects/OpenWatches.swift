import ObjectStore
import Synchronization
import WeirRuntime
import WorkTracking

/// The watches that clients hold open, so that a drain can tell them to go.
final class OpenWatches: Sendable {
    private struct State {
        var nextID = 0
        var streams: [Int: WatchStream] = [:]
    }

    private let state = Mutex(State())

    func add(_ stream: WatchStream) -> Int {
        state.withLock { state in
            state.nextID += 1
            state.streams[state.nextID] = stream
            return state.nextID
        }
    }

    func remove(_ id: Int) {
        state.withLock { _ = $0.streams.removeValue(forKey: id) }
    }

    /// Ends all that are open: their clients see the end of the answer, and watch again elsewhere or later.
    func endAll() {
        let streams = state.withLock { Array($0.streams.values) }
        for stream in streams { stream.cancel() }
    }
}

/// One watch that a client holds open: a session of the gate `http`, until it is ended or let go of.
final class OpenWatch: Sendable {
    private let stream: WatchStream
    private let session: Session
    private let registry: OpenWatches
    private let id: Int
    private let timer = Mutex<Task<Void, any Error>?>(nil)
    private let hasFailed = Mutex(false)

    init(_ stream: WatchStream, session: consuming Session, registry: OpenWatches) {
        self.stream = stream
        self.session = session
        self.registry = registry
        id = registry.add(stream)
    }

    deinit {
        registry.remove(id)
        timer.withLock { $0?.cancel() }
    }

    /// Ends the watch; the answer ends after the events that were on their way.
    func end() { stream.cancel() }

    /// Ends the watch when its time is over, where it has one.
    func end(at deadline: MonotonicTime?, _ clock: any Clock) {
        guard let deadline else { return }
        let timer = Task { [stream] in
            try await clock.sleep(until: deadline)
            stream.cancel()
        }
        self.timer.withLock { $0 = timer }
    }

    /// The lines of the next changes, waiting for at least one; nil at the end.
    ///
    /// Who was too slow is told in a last line, and lists again.
    func next(_ lines: WatchLines) async throws -> [UInt8]? {
        if hasFailed.withLock({ $0 }) { return nil }
        do {
            return try await stream.nextBatch()?.flatMap(lines.line)
        } catch let error as ObjectError {
            hasFailed.withLock { $0 = true }
            return lines.line(StatusDocument(error))
        }
    }
}

/// The lines of a watch's answer: one JSON document an event.
struct WatchLines {
    let definition: KindDefinition
    /// How objects are shown; nil: as they are.
    let table: TableDocument?

    func line(_ event: WatchEvent) -> [UInt8] {
        let object: JSONValue
        if let found = event.object {
            object =
                table.map { $0.json([found], metadata: ["resourceVersion": .string("\(event.resourceVersion)")]) }
                ?? found.json
        } else {
            object = [
                "kind": .string(definition.kind.name), "apiVersion": .string(definition.apiVersion),
                "metadata": ["resourceVersion": .string("\(event.resourceVersion)")],
            ]
        }
        return line(event.change.rawValue, object)
    }

    func line(_ error: StatusDocument) -> [UInt8] { line("ERROR", error.json) }

    private func line(_ type: String, _ object: JSONValue) -> [UInt8] {
        let event: JSONValue = ["type": .string(type), "object": object]
        return event.encoded() + [10]
    }
}
