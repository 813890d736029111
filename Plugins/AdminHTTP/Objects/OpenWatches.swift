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

    init(_ stream: WatchStream, session: consuming Session, registry: OpenWatches) {
        self.stream = stream
        self.session = session
        self.registry = registry
        id = registry.add(stream)
    }

    deinit {
        registry.remove(id)
    }

    /// Ends the watch; the answer ends after the events that were on their way.
    func end() { stream.cancel() }

    /// Writes what is there, then every change, until the watch ends or its time is over.
    func write(
        _ first: [WatchEvent], _ lines: WatchLines, until deadline: MonotonicTime?, _ clock: any Clock,
        _ write: ([UInt8]) async throws -> Void
    ) async throws {
        let timer = deadline.map { deadline in
            Task { [stream] in
                try? await clock.sleep(until: deadline)
                stream.cancel()
            }
        }
        defer { timer?.cancel() }
        if !first.isEmpty { try await write(first.flatMap(lines.line)) }
        while true {
            do {
                guard let events = try await stream.nextBatch() else { return }
                try await write(events.flatMap(lines.line))
            } catch let error as ObjectError {
                // Too slow: the client is told, and lists again.
                try await write(lines.line(StatusDocument(error)))
                return
            }
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
            object = table.map { $0.json([found], metadata: ["resourceVersion": .string("\(event.resourceVersion)")]) } ?? found.json
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
