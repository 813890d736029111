public import Logging
import Synchronization
public import WeirRuntime

/// Logs in one data folder of this node, each in a folder `<topic>-<partition>` of its own.
///
/// Callable from any thread. Logs of one loop share their syncs.
public final class LocalLogProvider: LogProvider {
    fileprivate struct State {
        var logs: [LogIdentity: LocalLog] = [:]
        /// Being made, opened or deleted.
        var busy: Set<String> = []
        var commits: [ObjectIdentifier: GroupCommit] = [:]
        var hasSwept = false
        var deletedCount = 0
    }

    /// The counters of all its logs.
    public let probe: SegmentLogProbe
    private let directory: String
    private let disk: any Disk
    private let clock: any Clock
    private let nodeID: Int32
    private let logger: Logger
    private let state = Mutex(State())

    /// Logs in `directory`, which is made when it is first needed. `nodeID` is who leads them.
    public init(
        directory: String, disk: any Disk, clock: any Clock, nodeID: Int32, logger: Logger,
        probe: SegmentLogProbe = SegmentLogProbe()
    ) {
        self.directory = directory
        self.disk = disk
        self.clock = clock
        self.nodeID = nodeID
        self.logger = logger
        self.probe = probe
    }

    /// The logs on disk. The first call also removes what deletions left behind.
    public func list() async throws -> [LogIdentity] {
        let sweeps = state.withLock { state in
            defer { state.hasSwept = true }
            return !state.hasSwept
        }
        return try await blocking { [self] () throws(LogError) in
            do throws(DiskError) {
                try makeDurable(directory)
                var found: [LogIdentity] = []
                for name in try disk.list(directory) {
                    if name.hasPrefix(FileNames.deletedFolderPrefix) {
                        if sweeps { try? disk.remove("\(directory)/\(name)") }
                    } else if let identity = try identity(ofFolder: name) {
                        found.append(identity)
                    }
                }
                return found
            } catch {
                throw LogError(error)
            }
        }
    }

    /// Makes the log and opens it; `exists` where its folder holds a log already.
    public func create(
        _ identity: LogIdentity, settings: LogSettings, on loop: any Loop
    ) async throws -> any ReplicatedLog {
        try await attach(identity, settings: settings, on: loop) { [self] (folder) throws(LogError) in
            let isTaken: Bool
            do throws(DiskError) {
                isTaken = try holdsLog(folder.path)
                if !isTaken { try makeFolder(folder) }
            } catch {
                throw LogError(error)
            }
            if isTaken {
                throw LogError(.exists, "\(folder.path) holds a log already; delete it or choose another name")
            }
        }
    }

    /// Opens a log that is there; `notFound` where its folder is not, or is of another topic id.
    public func open(
        _ identity: LogIdentity, settings: LogSettings, on loop: any Loop
    ) async throws -> any ReplicatedLog {
        try await attach(identity, settings: settings, on: loop) { [self] (folder) throws(LogError) in
            do throws(DiskError) {
                guard try disk.kind(of: folder.path) == .directory else {
                    throw DiskError(.notFound, operation: "open", path: folder.path)
                }
                guard let found = try self.identity(ofFolder: identity.directoryName) else { return }
                if found.topicID == identity.topicID { return }
            } catch {
                throw LogError(error.code == .notFound ? .notFound : .storage, error.description)
            }
            throw LogError(.notFound, "\(folder.path) is of another topic of that name; delete it first")
        }
    }

    /// Deletes the log: its waiters get `closed`, its folder is renamed at once and unlinked later.
    public func delete(_ identity: LogIdentity) async throws {
        let name = identity.directoryName
        let (log, number) = try state.withLock { state in
            guard state.busy.insert(name).inserted else {
                throw LogError(.exists, "\(directory)/\(name) is being made, opened or deleted; try again")
            }
            state.deletedCount += 1
            return (state.logs.removeValue(forKey: identity), state.deletedCount)
        }
        defer { state.withLock { _ = $0.busy.remove(name) } }
        if let log { await log.abandonFromOutside() }
        let from = "\(directory)/\(name)"
        let to = "\(directory)/\(FileNames.deletedFolder(identity)).\(number)"
        let disk = disk
        try await blocking { [self] () throws(LogError) in
            do throws(DiskError) {
                guard let found = try self.identity(ofFolder: name), found.topicID == identity.topicID
                else { throw DiskError(.notFound, operation: "delete", path: from) }
                try disk.remove(to)
                try disk.rename(from, to: to)
                try disk.syncDirectory(directory)
            } catch {
                throw LogError(error.code == .notFound ? .notFound : .storage, error.description)
            }
        }
        let remove: @Sendable () -> Void = { disk.background { try? disk.remove(to) } }
        guard let log else { return remove() }
        log.loop.execute { log.loop.schedule(after: log.settings.fileDeleteDelay, remove) }
    }

    // MARK: Opening

    /// Prepares the folder, recovers the log and hands it to its loop.
    private func attach(
        _ identity: LogIdentity, settings: LogSettings, on loop: any Loop,
        _ prepare: @escaping @Sendable (LogFolder) throws(LogError) -> Void
    ) async throws -> any ReplicatedLog {
        let name = identity.directoryName
        let commit = try state.withLock { state in
            guard !state.logs.keys.contains(where: { $0.directoryName == name }), !state.busy.contains(name) else {
                throw LogError(.exists, "\(directory)/\(name) is open already")
            }
            state.busy.insert(name)
            return state.commit(for: loop) { GroupCommit(loop: loop, disk: disk, clock: clock, probe: probe) }
        }
        defer { state.withLock { _ = $0.busy.remove(name) } }
        let folder = LogFolder(disk: disk, path: "\(directory)/\(name)", identity: identity)
        let recovered = try await blocking { [self] () throws(LogError) in
            try prepare(folder)
            var recovery = LogRecovery(
                folder: folder, settings: settings, wallMilliseconds: clock.wallMilliseconds, logger: logger,
                probe: probe)
            return try recovery.run()
        }
        let log = LocalLog(
            recovered, folder: folder, settings: settings, nodeID: nodeID, commit: commit, clock: clock, probe: probe,
            logger: logger)
        log.onClosed = { [weak self, weak log] in
            self?.state.withLock { state in
                if state.logs[identity] === log { state.logs[identity] = nil }
            }
        }
        state.withLock { $0.logs[identity] = log }
        return log
    }

    /// Makes the folder of a new log: its first segment with nothing but a header. Durable when it returns.
    private func makeFolder(_ folder: LogFolder) throws(DiskError) {
        try makeDurable(directory)
        try disk.createDirectory(folder.path)
        for name in try disk.list(folder.path) { try disk.remove(folder.file(name)) }
        let header = SegmentHeader(folder.identity, firstIndex: 1, termBefore: 0)
        let bytes = InternalBatch.header(header).encoded(offset: 0, epoch: 0)
        let file = try disk.open(folder.logFile(0), .createNew)
        try LogFolder.write(bytes, to: file, at: 0)
        try file.sync()
        try disk.syncDirectory(folder.path)
        try disk.syncDirectory(directory)
    }

    /// Makes a folder and those above it, where they are missing, so that a power cut leaves them.
    private func makeDurable(_ path: String) throws(DiskError) {
        if try disk.kind(of: path) != nil { return }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let above = parts.dropLast().joined(separator: "/")
        let parent = above.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : above
        try makeDurable(parent)
        try disk.createDirectory(path)
        try disk.syncDirectory(parent)
    }

    /// Whether the folder holds a segment that begins as one should.
    private func holdsLog(_ path: String) throws(DiskError) -> Bool {
        guard try disk.kind(of: path) == .directory else { return false }
        for name in try disk.list(path) where FileNames.baseOffset(ofLogFile: name) != nil {
            if try header(of: "\(path)/\(name)") != nil { return true }
        }
        return false
    }

    /// Whose log a folder holds; nil: none of a log.
    private func identity(ofFolder name: String) throws(DiskError) -> LogIdentity? {
        guard let (topic, partition) = FileNames.topicPartition(ofFolder: name) else { return nil }
        let path = "\(directory)/\(name)"
        guard try disk.kind(of: path) == .directory else { return nil }
        for file in try disk.list(path) where FileNames.baseOffset(ofLogFile: file) != nil {
            guard let header = try header(of: "\(path)/\(file)"), header.partition == partition else { continue }
            return LogIdentity(topicID: header.topicID, topic: topic, partition: partition)
        }
        // Every header is damaged: the recovery point says it too.
        let folder = LogFolder(
            disk: disk, path: path,
            identity: LogIdentity(topicID: TopicID(high: 0, low: 0), topic: topic, partition: partition))
        guard let bytes = try folder.readAll(folder.file(FileNames.recoveryPoint)),
            let point = RecoveryPoint.newest(in: bytes), point.partition == partition
        else { return nil }
        return LogIdentity(topicID: point.topicID, topic: topic, partition: partition)
    }

    /// The header of a segment's file; nil where it is damaged.
    private func header(of path: String) throws(DiskError) -> SegmentHeader? {
        let file = try disk.open(path, .existing)
        let window = FileWindow(file, end: min(try file.size(), 4096), sizeBytes: 4096)
        guard let start = try window.bytes(at: 0, count: StoredBatch.headerSizeBytes), let batch = StoredBatch(start),
            batch.isInternal, let bytes = try window.bytes(at: 0, count: batch.sizeBytes), batch.isIntact(bytes),
            case .header(let header) = InternalBatch(bytes)
        else { return nil }
        return header
    }

    /// Runs a blocking job on one of the disk's threads.
    private func blocking<Value: Sendable>(
        _ job: @escaping @Sendable () throws(LogError) -> Value
    ) async throws -> Value {
        try await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, LogError>, Never>) in
            disk.background { continuation.resume(returning: Result(catching: job)) }
        }.get()
    }
}

extension LocalLogProvider: MetricSource {
    /// What its probe counts.
    public func collectMetrics() async -> [MetricFamily] {
        await probe.collectMetrics()
    }
}

extension LocalLogProvider.State {
    mutating func commit(for loop: any Loop, _ make: () -> GroupCommit) -> GroupCommit {
        if let known = commits[ObjectIdentifier(loop)] { return known }
        let made = make()
        commits[ObjectIdentifier(loop)] = made
        return made
    }
}
