import Synchronization
import WeirRuntime

/// The checkpoint that a log leaves behind when it closes. Everything before its point is synced.
struct LastCheckpoint: Sendable {
    var folder: LogFolder
    /// The segment that was written to, which may have zeros behind its end.
    var file: any DiskFile
    var end: Int64
    var captured: CapturedCheckpoint

    /// Cuts the zeros off and writes what the checkpoint consists of. Returns the files to be synced.
    fileprivate func draft() throws(DiskError) -> [any DiskFile] {
        if let size = try? file.size(), size > end { try? file.truncate(to: end) }
        let base = captured.baseOffset
        var files: [any DiskFile] = []
        if !captured.offsets.isEmpty {
            files.append(
                try folder.draftIndex(folder.offsetIndexFile(base), captured.offsets, baseOffset: base))
        }
        if !captured.times.isEmpty {
            files.append(try folder.draftIndex(folder.timeIndexFile(base), captured.times, baseOffset: base))
        }
        files.append(try folder.draftCheckpoint(captured.bytes))
        return files
    }
}

/// The last checkpoints of one loop's logs, gathered: a process that ends closes thousands at once.
///
/// A round writes the drafts of all, syncs them side by side, renames them, and then syncs the folders: the
/// first folder's sync commits the names of all of them to the file system's journal. What closes meanwhile
/// waits for the next round.
///
/// `@unchecked Sendable`: everything is confined to `loop`.
final class GroupClose: @unchecked Sendable {
    /// Logs of a round: bounds the files that are open at once, at most three a log.
    static let roundMax = 128

    private typealias Entry = (checkpoint: LastCheckpoint, then: (DiskError?) -> Void)

    private let loop: any Loop
    private let disk: any Disk
    private var waiting: [Entry] = []
    private var isQueued = false
    private var isRunning = false

    init(loop: any Loop, disk: any Disk) {
        self.loop = loop
        self.disk = disk
    }

    /// Stores the checkpoint with the next round; `then` on the loop, when it is durable or could not be stored.
    func store(_ checkpoint: LastCheckpoint, then: @escaping (DiskError?) -> Void) {
        loop.preconditionIsCurrent()
        waiting.append((checkpoint, then))
        guard !isQueued, !isRunning else { return }
        isQueued = true
        // After the callbacks that are queued already: closes of the same burst share the round.
        loop.execute { [self] in
            isQueued = false
            startRound()
        }
    }

    private func startRound() {
        guard !isRunning, !waiting.isEmpty else { return }
        isRunning = true
        let entries = Array(waiting.prefix(Self.roundMax))
        waiting.removeFirst(entries.count)
        let confined = LoopBound(entries.map(\.then))
        ClosingRound(entries.map(\.checkpoint), disk).run { [self] errors in
            loop.execute { self.finishRound(confined.value, errors) }
        }
    }

    private func finishRound(_ callbacks: [(DiskError?) -> Void], _ errors: [DiskError?]) {
        isRunning = false
        startRound()
        for (then, error) in zip(callbacks, errors) { then(error) }
    }
}

/// One round's way to the device, on the disk's threads.
private final class ClosingRound: Sendable {
    private struct State {
        /// What each checkpoint failed with.
        var errors: [DiskError?]
        /// Folders that are not synced yet.
        var left = 0
    }

    private let checkpoints: [LastCheckpoint]
    private let disk: any Disk
    private let state: Mutex<State>

    init(_ checkpoints: [LastCheckpoint], _ disk: any Disk) {
        self.checkpoints = checkpoints
        self.disk = disk
        state = Mutex(State(errors: Array(repeating: nil, count: checkpoints.count)))
    }

    /// Stores all of them; `then` gets what each failed with, on an arbitrary thread.
    func run(then: @escaping @Sendable ([DiskError?]) -> Void) {
        disk.background { [self] in
            var files: [any DiskFile] = []
            var owners: [Int] = []
            for (index, checkpoint) in checkpoints.enumerated() {
                do throws(DiskError) {
                    let drafted = try checkpoint.draft()
                    files += drafted
                    owners += Array(repeating: index, count: drafted.count)
                } catch {
                    fail(index, error)
                }
            }
            disk.sync(files) { [self, owners] results in
                for (owner, result) in zip(owners, results) {
                    if case .failure(let error) = result { fail(owner, error) }
                }
                disk.background { self.install(then) }
            }
        }
    }

    /// Renames what was synced, then syncs the folders side by side.
    private func install(_ then: @escaping @Sendable ([DiskError?]) -> Void) {
        var installed: [Int] = []
        for index in checkpoints.indices where !hasFailed(index) {
            do throws(DiskError) {
                try checkpoints[index].folder.installCheckpoint()
                installed.append(index)
            } catch {
                fail(index, error)
            }
        }
        guard !installed.isEmpty else { return then(state.withLock { $0.errors }) }
        state.withLock { [count = installed.count] in $0.left = count }
        for index in installed {
            disk.background { [self] in
                do throws(DiskError) { try disk.syncDirectory(checkpoints[index].folder.path) } catch {
                    fail(index, error)
                }
                let all: [DiskError?]? = state.withLock { state in
                    state.left -= 1
                    return state.left == 0 ? state.errors : nil
                }
                if let all { then(all) }
            }
        }
    }

    private func fail(_ index: Int, _ error: DiskError) {
        state.withLock { $0.errors[index] = $0.errors[index] ?? error }
    }

    private func hasFailed(_ index: Int) -> Bool {
        state.withLock { $0.errors[index] != nil }
    }
}
