import Dispatch
import GRDB
import ObjectStore
import Synchronization
import WeirRuntime

/// Writes to one file, in the order in which they came: all that wait go into one transaction, and one sync.
///
/// Runs on the connection's own queue, never on a caller's thread. While another process has the write lock, the
/// group waits on the clock and tries again; nothing else is held meanwhile.
final class Writer: Sendable {
    private struct State {
        var queue = WriteQueue<WaitingWrite>()
        /// Whether a run is under way, or due after a wait.
        var isRunning = false
        var isClosed = false
        /// Why nothing may be written any more.
        var failure: ObjectError?
        /// How many changes may be written before old ones are removed; none: the first write looks.
        var changesUntilTrim = 0
        /// Who waits for the last write before the close.
        var closing: [CheckedContinuation<Void, Never>] = []
    }

    private enum Attempt {
        case done
        case busy
    }

    private let connection: DatabaseQueue
    private let path: String
    private let configuration: SQLiteStorage.Configuration
    private let clock: any Clock
    private let feed: ChangeFeed
    private let state = Mutex(State())

    private static let groupSizeBytesMax = 4 << 20
    private static let retryMax = Duration.milliseconds(5)

    init(
        _ connection: DatabaseQueue, path: String, configuration: SQLiteStorage.Configuration, clock: any Clock,
        feed: ChangeFeed
    ) {
        self.connection = connection
        self.path = path
        self.configuration = configuration
        self.clock = clock
        self.feed = feed
    }

    /// Performs a write; returns when it is on the disk.
    func write(_ change: WaitingWrite.Change) async throws -> Object {
        let now = clock.now
        return try await withCheckedThrowingContinuation { done in
            submit(WaitingWrite(change: change, since: now, done: done))
        }
    }

    /// Takes no more writes; returns when those that were taken are done.
    func close() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                state.isClosed = true
                if state.isRunning { state.closing.append(continuation) }
                return !state.isRunning
            }
            if isIdle { continuation.resume() }
        }
    }

    private func submit(_ write: WaitingWrite) {
        let (refusal, isFirst): (ObjectError?, Bool) = state.withLock { state in
            if state.isClosed { return (Failure.closed(path), false) }
            if let failure = state.failure { return (failure, false) }
            guard state.queue.count < configuration.waitingWritesMax else {
                return (Failure.full(path, "writes", state.queue.count), false)
            }
            state.queue.append(write)
            defer { state.isRunning = true }
            return (nil, !state.isRunning)
        }
        if let refusal { return write.done.resume(throwing: refusal) }
        if isFirst { schedule(retry: 0) }
    }

    private func schedule(retry: Int) {
        connection.asyncWriteWithoutTransaction { database in self.run(database, retry: retry) }
    }

    /// Writes group after group until none waits, or the lock is somebody else's.
    private func run(_ database: Database, retry: Int) {
        var retry = retry
        while let group = nextGroup() {
            switch attempt(group, database) {
            case .done: retry = 0
            case .busy:
                state.withLock { $0.queue.putBack(group) }
                failThoseThatWaitedTooLong()
                return wait(retry: retry + 1)
            }
        }
    }

    /// The next group; where there is none, the run is over.
    private func nextGroup() -> [WaitingWrite]? {
        var closing: [CheckedContinuation<Void, Never>] = []
        let group = state.withLock { state in
            let group = state.queue.takeGroup(
                countMax: configuration.groupMax, sizeBytesMax: Self.groupSizeBytesMax)
            if group.isEmpty {
                state.isRunning = false
                swap(&closing, &state.closing)
            }
            return group
        }
        for continuation in closing { continuation.resume() }
        return group.isEmpty ? nil : group
    }

    private func attempt(_ group: [WaitingWrite], _ database: Database) -> Attempt {
        do {
            let outcome = try commit(group, database)
            feed.committed(outcome)
            for (write, result) in zip(group, outcome.results) { write.done.resume(with: result) }
            return .done
        } catch  where Failure.isBusy(error) {
            return .busy
        } catch {
            let described = Failure.described(error, path)
            if Failure.isFailedSync(error) { state.withLock { $0.failure = described } }
            for write in group { write.done.resume(throwing: described) }
            return .done
        }
    }

    private func commit(_ group: [WaitingWrite], _ database: Database) throws -> WriteTransaction.Outcome {
        if let failure = state.withLock({ $0.failure }) { throw failure }
        let milliseconds = clock.wallMilliseconds
        try database.beginTransaction(.immediate)
        do {
            let outcome = try WriteTransaction.apply(group, to: database, milliseconds: milliseconds)
            try trim(database, after: outcome.changes.count, milliseconds: milliseconds)
            try database.commit()
            return outcome
        } catch {
            // Some errors have rolled back already; then there is nothing to do.
            if database.isInsideTransaction { try? database.rollback() }
            throw error
        }
    }

    private func trim(_ database: Database, after count: Int, milliseconds: Int64) throws {
        let isDue = state.withLock { state in
            state.changesUntilTrim -= count
            guard state.changesUntilTrim <= 0, count > 0 else { return false }
            state.changesUntilTrim = ChangeRow.trimInterval(keeping: configuration.historyMax)
            return true
        }
        guard isDue else { return }
        try ChangeRow.trim(
            keeping: configuration.historyMax, newerThan: milliseconds - configuration.historyAgeMax.milliseconds,
            in: database)
    }

    private func failThoseThatWaitedTooLong() {
        let limit = clock.now + (.zero - configuration.busyTimeout)
        let late = state.withLock { $0.queue.takeOlder(than: limit) }
        let error = Failure.locked(path, after: "\(configuration.busyTimeout)")
        for write in late { write.done.resume(throwing: error) }
    }

    /// Tries again soon: at once would only burn the processor, late would starve this process.
    private func wait(retry: Int) {
        let delay = min(.microseconds(500) * retry, Self.retryMax)
        // Ends by itself: a write waits for the lock no longer than its timeout.
        Task {
            try? await clock.sleep(for: delay)
            schedule(retry: retry)
        }
    }
}
