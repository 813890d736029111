import Dispatch
import GRDB
import ObjectStore
import Synchronization

/// Connections that read, each on its own thread, opened when there is something to read.
///
/// A connection takes all that waits at a time, up to a share, so that many small reads cost few changes of thread.
final class Readers: Sendable {
    fileprivate typealias Job = @Sendable (Result<Database, any Error>) -> Void

    fileprivate struct State {
        var waiting: [Job] = []
        var head = 0
        var idle: [DatabaseQueue] = []
        var connectionCount = 0
        var isClosed = false
        var closing: [CheckedContinuation<Void, Never>] = []
    }

    private let path: String
    private let configuration: GRDB.Configuration
    private let connectionsMax: Int
    private let waitingMax: Int
    private let state = Mutex(State())

    /// How many reads a connection takes at a time.
    private static let shareMax = 32

    init(path: String, configuration: GRDB.Configuration, connectionsMax: Int, waitingMax: Int) {
        self.path = path
        self.configuration = configuration
        self.connectionsMax = connectionsMax
        self.waitingMax = waitingMax
    }

    /// Reads; a body of more than one statement begins its own transaction.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        let path = path
        return try await withCheckedThrowingContinuation { continuation in
            submit { database in
                continuation.resume(
                    with: Result { try body(database.get()) }.mapError { Failure.described($0, path) })
            }
        }
    }

    /// Takes no more reads; returns when those under way are done and all connections are closed.
    func close() async throws {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                state.isClosed = true
                let isIdle = state.idle.count == state.connectionCount
                if !isIdle { state.closing.append(continuation) }
                return isIdle
            }
            if isIdle { continuation.resume() }
        }
        let connections = state.withLock { state in
            defer {
                state.connectionCount -= state.idle.count
                state.idle = []
            }
            return state.idle
        }
        for connection in connections { try await connection.closeOnItsThread() }
    }

    private enum Placement {
        case refused(ObjectError)
        case queued
        case connection(DatabaseQueue)
        case newConnection
    }

    private func submit(_ job: @escaping Job) {
        let placement: Placement = state.withLock { state in
            if state.isClosed { return .refused(Failure.closed(path)) }
            guard state.waiting.count - state.head < waitingMax else {
                return .refused(Failure.full(path, "reads", waitingMax))
            }
            state.waiting.append(job)
            if let connection = state.idle.popLast() { return .connection(connection) }
            guard state.connectionCount < connectionsMax else { return .queued }
            state.connectionCount += 1
            return .newConnection
        }
        switch placement {
        case .refused(let error): job(.failure(error))
        case .queued: break
        case .connection(let connection): start(connection)
        case .newConnection: open()
        }
    }

    private func start(_ connection: DatabaseQueue) {
        connection.asyncWriteWithoutTransaction { database in
            while let jobs = self.share(of: connection) {
                for job in jobs { job(.success(database)) }
            }
        }
    }

    /// Opens a connection on a thread of its own; where that fails, what waits now fails with it.
    private func open() {
        DispatchQueue.global().async {
            do {
                self.start(try DatabaseQueue(path: self.path, configuration: self.configuration))
            } catch {
                let (jobs, closing) = self.state.withLock { state in
                    state.connectionCount -= 1
                    return (state.takeJobs(countMax: .max), state.takeClosing())
                }
                for job in jobs { job(.failure(error)) }
                for continuation in closing { continuation.resume() }
            }
        }
    }

    /// The next reads for a connection; none are left: it is idle.
    private func share(of connection: DatabaseQueue) -> [Job]? {
        let (jobs, closing) = state.withLock { state in
            let jobs = state.takeJobs(countMax: Self.shareMax)
            if jobs.isEmpty { state.idle.append(connection) }
            return (jobs, state.takeClosing())
        }
        for continuation in closing { continuation.resume() }
        return jobs.isEmpty ? nil : jobs
    }
}

extension Readers.State {
    fileprivate mutating func takeJobs(countMax: Int) -> [Readers.Job] {
        let end = min(waiting.count, countMax == .max ? .max : head + countMax)
        let jobs = Array(waiting[head..<end])
        head = end
        if head == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 1_024, head * 2 > waiting.count {
            waiting.removeFirst(head)
            head = 0
        }
        return jobs
    }

    /// Who waits for the close, once every connection is idle.
    fileprivate mutating func takeClosing() -> [CheckedContinuation<Void, Never>] {
        guard isClosed, idle.count == connectionCount else { return [] }
        defer { closing = [] }
        return closing
    }
}

extension DatabaseQueue {
    /// Closes the connection without holding up the caller's thread.
    func closeOnItsThread() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            DispatchQueue.global().async { continuation.resume(with: Result { try self.close() }) }
        }
    }
}
