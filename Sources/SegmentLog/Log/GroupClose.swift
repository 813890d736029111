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
        files.append(try folder.draftCheckpoint(captured.checkpoint.encoded()))
        return files
    }
}

/// The last checkpoints of one loop's logs, gathered: a process that ends closes thousands at once.
///
/// A round writes the drafts of all, syncs them side by side and renames them. The folders are not synced: a
/// power cut soon after leaves this checkpoint or the one before, and either is right. What closes meanwhile
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

    /// Stores the checkpoint with the next round; `then` on the loop, when it is in its place or could not be stored.
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
    private let checkpoints: [LastCheckpoint]
    private let disk: any Disk
    /// What each checkpoint failed with.
    private let errors: Mutex<[DiskError?]>

    init(_ checkpoints: [LastCheckpoint], _ disk: any Disk) {
        self.checkpoints = checkpoints
        self.disk = disk
        errors = Mutex(Array(repeating: nil, count: checkpoints.count))
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

    /// Renames what was synced.
    private func install(_ then: @escaping @Sendable ([DiskError?]) -> Void) {
        for index in checkpoints.indices where !hasFailed(index) {
            do throws(DiskError) { try checkpoints[index].folder.installCheckpoint() } catch { fail(index, error) }
        }
        then(errors.withLock { $0 })
    }

    private func fail(_ index: Int, _ error: DiskError) {
        errors.withLock { $0[index] = $0[index] ?? error }
    }

    private func hasFailed(_ index: Int) -> Bool {
        errors.withLock { $0[index] != nil }
    }
}
