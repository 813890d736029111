import Glibc
import Synchronization
public import WeirRuntime

/// The file system of this machine.
///
/// Syncs and background jobs have their own threads, so that neither waits for the other. The owner
/// calls `shutdown` when every file user has stopped.
public final class SystemDisk: Disk {
    private let syncPool: ThreadPool
    private let backgroundPool: ThreadPool

    /// A disk with at most `syncThreadsMax` and `backgroundThreadsMax` threads of its own.
    ///
    /// Threads are started when they are first needed. Sixteen syncs side by side took 0.4 ms where
    /// one after another took 0.8 (8 files) and 1.8 where they took 7.3 (64 files).
    public init(syncThreadsMax: Int = 16, backgroundThreadsMax: Int = 4) {
        syncPool = ThreadPool(name: "weir-sync", threadsMax: syncThreadsMax)
        backgroundPool = ThreadPool(name: "weir-disk", threadsMax: backgroundThreadsMax)
    }

    /// Finishes what `sync` and `background` were given, then ends the threads.
    ///
    /// Blocks until they have ended: never on a loop, nor in a job of the disk. Afterwards `sync`
    /// answers with failures and `background` runs its job on the caller's thread.
    public func shutdown() {
        backgroundPool.shutdown()
        syncPool.shutdown()
    }

    /// Opens a file (permissions 0644 less the umask where it is made), closed on exec.
    public func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        let flags =
            switch mode {
            case .existing: O_RDWR
            case .readOnly: O_RDONLY
            case .createIfMissing: O_RDWR | O_CREAT
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            }
        let descriptor = try naming("open", path) { () throws(SystemCall.Failure) in
            try SystemCall.open(path, flags: flags)
        }
        return SystemFile(descriptor: descriptor, path: path)
    }

    /// Makes the folder and those above it; a file in its place is an error.
    public func createDirectory(_ path: String) throws(DiskError) {
        if try kind(of: path) == .directory { return }
        if let parent = parent(of: path) { try createDirectory(parent) }
        do throws(SystemCall.Failure) {
            try SystemCall.makeDirectory(path)
        } catch {
            // Somebody else may have made it meanwhile.
            if error.errno == EEXIST, try kind(of: path) == .directory { return }
            throw DiskError(errno: error.errno, operation: "createDirectory", path: path)
        }
    }

    /// The names in a folder, sorted.
    public func list(_ path: String) throws(DiskError) -> [String] {
        try naming("list", path) { () throws(SystemCall.Failure) in try SystemCall.names(in: path).sorted() }
    }

    /// What is at the path, symbolic links followed; whatever is no folder is a file.
    public func kind(of path: String) throws(DiskError) -> FileKind? {
        do throws(SystemCall.Failure) {
            return try SystemCall.type(of: path, followingLinks: true) == S_IFDIR ? .directory : .file
        } catch {
            if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
            throw DiskError(errno: error.errno, operation: "stat", path: path)
        }
    }

    /// Renames a file or a folder.
    public func rename(_ from: String, to: String) throws(DiskError) {
        try naming("rename", from) { () throws(SystemCall.Failure) in try SystemCall.rename(from, to: to) }
    }

    /// Removes a file, or a folder with everything in it; symbolic links are not followed.
    public func remove(_ path: String) throws(DiskError) {
        do throws(SystemCall.Failure) {
            try removeTree(path)
        } catch {
            throw DiskError(errno: error.errno, operation: "remove", path: path)
        }
    }

    /// Syncs the folder itself.
    public func syncDirectory(_ path: String) throws(DiskError) {
        try naming("syncDirectory", path) { () throws(SystemCall.Failure) in
            let descriptor = try SystemCall.open(path, flags: O_RDONLY | O_DIRECTORY)
            defer { SystemCall.close(descriptor) }
            try SystemCall.sync(descriptor)
        }
    }

    /// What statvfs says is left for an unprivileged process.
    public func bytesAvailable(_ path: String) throws(DiskError) -> Int64 {
        try naming("statvfs", path) { () throws(SystemCall.Failure) in try SystemCall.bytesAvailable(path) }
    }

    /// The size of the file system that the path is on, in bytes.
    public func bytesTotal(_ path: String) throws(DiskError) -> Int64 {
        try naming("statvfs", path) { () throws(SystemCall.Failure) in try SystemCall.bytesTotal(path) }
    }

    /// Syncs the files side by side on the disk's threads and answers on the one that ends last.
    public func sync(_ files: [any DiskFile], then: @escaping @Sendable ([Result<Void, DiskError>]) -> Void) {
        let round = SyncRound(files: files, then: then)
        // An empty round still answers from a thread: callers may hold state during the call.
        let jobs: [ThreadPool.Job] =
            files.isEmpty ? [{ round.answerEmpty() }] : files.indices.map { index in { round.sync(index) } }
        if !syncPool.submit(jobs) { round.refuse() }
    }

    /// Runs the job on one of the disk's threads, after those given before have begun.
    public func background(_ job: @escaping @Sendable () -> Void) {
        if !backgroundPool.submit([job]) { job() }
    }

    private func removeTree(_ path: String) throws(SystemCall.Failure) {
        do throws(SystemCall.Failure) {
            guard try SystemCall.type(of: path, followingLinks: false) == S_IFDIR else {
                return try SystemCall.unlink(path)
            }
            for name in try SystemCall.names(in: path) { try removeTree("\(path)/\(name)") }
            try SystemCall.removeDirectory(path)
        } catch {
            guard error.errno == ENOENT else { throw error }
        }
    }

    private func parent(of path: String) -> String? {
        let trimmed = path.reversed().drop { $0 == "/" }
        let above = trimmed.drop { $0 != "/" }.drop { $0 == "/" }
        return above.isEmpty ? nil : String(above.reversed())
    }
}

/// The files of one `sync` call and what came of them.
private final class SyncRound: Sendable {
    private struct State {
        var results: [Result<Void, DiskError>]
        var left: Int
    }

    private let files: [any DiskFile]
    private let then: @Sendable ([Result<Void, DiskError>]) -> Void
    private let state: Mutex<State>

    init(files: [any DiskFile], then: @escaping @Sendable ([Result<Void, DiskError>]) -> Void) {
        self.files = files
        self.then = then
        state = Mutex(State(results: Array(repeating: .success(()), count: files.count), left: files.count))
    }

    func sync(_ index: Int) {
        let result: Result<Void, DiskError>
        do throws(DiskError) {
            try files[index].sync()
            result = .success(())
        } catch {
            result = .failure(error)
        }
        let all: [Result<Void, DiskError>]? = state.withLock { state in
            state.results[index] = result
            state.left -= 1
            return state.left == 0 ? state.results : nil
        }
        if let all { then(all) }
    }

    func answerEmpty() {
        then([])
    }

    func refuse() {
        then(files.map { .failure(DiskError(errno: ESHUTDOWN, operation: "sync", path: $0.path)) })
    }
}

/// Runs the calls, and gives their failure an operation and a path.
func naming<Value>(
    _ operation: String, _ path: String, _ calls: () throws(SystemCall.Failure) -> Value
) throws(DiskError) -> Value {
    do throws(SystemCall.Failure) {
        return try calls()
    } catch {
        throw DiskError(errno: error.errno, operation: operation, path: path)
    }
}

extension DiskError {
    init(errno: Int32, operation: String, path: String) {
        let code: Code =
            switch errno {
            case ENOENT: .notFound
            case EEXIST, ENOTEMPTY: .exists
            case ENOSPC, EDQUOT: .full
            case EACCES, EPERM, EROFS: .denied
            case EMFILE, ENFILE: .tooManyFiles
            default: .failed
            }
        self.init(code, operation: operation, path: path, errno: errno)
    }
}
