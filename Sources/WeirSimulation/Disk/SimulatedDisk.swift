import Synchronization
public import WeirRuntime

/// A disk in memory whose page cache, device and faults follow from a seed.
///
/// Programs see the page cache. The device gets what is synced, what the kernel writes back by itself,
/// and, when the power is cut, any part of the rest: `crash` gives the disk as the next start finds it.
/// Names (creations, renames, removals) are as volatile as content until their folder is synced, that of
/// a new folder until the folder above it is.
///
/// Thread-safe; the same seed and the same calls in the same order give the same answers. All paths
/// lead from one root, relative ones too.
public final class SimulatedDisk: Disk {
    /// What a failing run is repeated with.
    public let seed: UInt64
    let state: Mutex<DiskState>
    private let simulator: Simulator?
    private let thread: SimulatedLoop?

    /// An empty disk of `capacityBytes`.
    ///
    /// With a simulator, `sync` takes `faults.syncLatency` of virtual time, and it and `background` run on
    /// a loop of their own in the simulator's order. Without one, both are done when the call returns.
    public convenience init(
        seed: UInt64, capacityBytes: Int64 = 1 << 40, faults: DiskFaults = DiskFaults(), simulator: Simulator? = nil
    ) {
        let state = DiskState(random: SeededRandom(seed: seed), capacityBytes: capacityBytes, faults: faults)
        self.init(seed: seed, state: state, simulator: simulator)
    }

    private init(seed: UInt64, state: sending DiskState, simulator: Simulator?) {
        self.seed = seed
        self.state = Mutex(state)
        self.simulator = simulator
        thread = simulator?.makeLoop()
    }

    // MARK: What tests do to it

    /// What goes wrong from now on; setting it starts the counts of triggers anew.
    public var faults: DiskFaults {
        get { state.withLock { $0.faults } }
        set { state.withLock { $0.setFaults(newValue) } }
    }

    /// How much fits; lower it to fill the disk, raise it to make room.
    public var capacityBytes: Int64 {
        get { state.withLock { $0.capacityBytes } }
        set { state.withLock { $0.capacityBytes = newValue } }
    }

    /// Bytes in blocks that files hold; holes are free.
    public var usedBytes: Int64 { state.withLock { $0.usedBytes } }

    /// Calls so far other than reads, locks and look-ups: what `DiskFaults.powerCutAt` counts.
    public var changeCount: Int { state.withLock { $0.changeCount } }

    /// Cuts the power, and gives the disk as the next start finds it.
    ///
    /// Which of the unsynced sectors, sizes and names survive follows from the seed and `faults`. Every
    /// call on this disk and its files fails from now on. The found disk has no triggers and no
    /// `powerCutAt`, and its syncs run on `simulator` (by default on the one of this disk).
    public func crash(simulator: Simulator? = nil) -> SimulatedDisk {
        let found = state.withLock { $0.afterPowerCut() }
        return SimulatedDisk(seed: seed, state: found, simulator: simulator ?? self.simulator)
    }

    /// Ends the process as SIGKILL does, and gives the disk as the next start finds it.
    ///
    /// The page cache survives, and what is dirty in it stays so; open files and locks are gone.
    public func kill(simulator: Simulator? = nil) -> SimulatedDisk {
        let found = state.withLock { $0.afterKill() }
        return SimulatedDisk(seed: seed, state: found, simulator: simulator ?? self.simulator)
    }

    /// Evicts clean pages from the cache: reads then show the device, damage and lost writes included.
    public func evictCleanPages() {
        state.withLock { $0.evictCleanPages() }
    }

    /// Flips bit `bit` of what the device holds of a file, counted from its start.
    ///
    /// Seen after `evictCleanPages` or a crash. False where the device has no such byte.
    @discardableResult
    public func flipBit(_ bit: Int64, of path: String) -> Bool {
        state.withLock { $0.flipBit(bit, of: path) }
    }

    /// What programs would read from the file; nil where there is none.
    public func contents(of path: String) -> [UInt8]? {
        state.withLock { $0.contents(of: path) }
    }

    // MARK: Disk

    /// Opens a file; a folder in its place is an error.
    public func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        let handle = try state.withLock { (state) throws(DiskError) in try state.open(path, mode) }
        return SimulatedFile(disk: self, handle: handle, path: path)
    }

    /// Makes the folder and those above it.
    public func createDirectory(_ path: String) throws(DiskError) {
        try state.withLock { (state) throws(DiskError) in try state.createDirectory(path) }
    }

    /// The names in a folder, sorted.
    public func list(_ path: String) throws(DiskError) -> [String] {
        try state.withLock { (state) throws(DiskError) in try state.list(path) }
    }

    /// What is at the path.
    public func kind(of path: String) throws(DiskError) -> FileKind? {
        try state.withLock { (state) throws(DiskError) in try state.kind(of: path) }
    }

    /// Renames a file or a folder.
    public func rename(_ from: String, to: String) throws(DiskError) {
        try state.withLock { (state) throws(DiskError) in try state.rename(from, to: to) }
    }

    /// Removes a file, or a folder with everything in it: name by name, children first.
    public func remove(_ path: String) throws(DiskError) {
        try state.withLock { (state) throws(DiskError) in try state.remove(path) }
    }

    /// Makes the names in the folder durable.
    public func syncDirectory(_ path: String) throws(DiskError) {
        try state.withLock { (state) throws(DiskError) in try state.syncDirectory(path) }
    }

    /// Capacity less what files hold.
    public func bytesAvailable(_ path: String) throws(DiskError) -> Int64 {
        try state.withLock { (state) throws(DiskError) in try state.bytesAvailable(path) }
    }

    /// Syncs the files: at once, or after a simulated while.
    public func sync(_ files: [any DiskFile], then: @escaping @Sendable ([Result<Void, DiskError>]) -> Void) {
        guard let simulator, let thread else {
            return then(files.map { file in Result { () throws(DiskError) in try file.sync() } })
        }
        let (ticket, latency) = state.withLock { state in
            (state.beginSync(files.map(handle), files.map(\.path)), state.drawSyncLatency())
        }
        thread.schedule(at: simulator.clock.now + latency) {
            then(self.state.withLock { $0.finishSync(ticket) })
        }
    }

    /// How the disk knows an open file of its own; nil of another's.
    func handle(_ file: any DiskFile) -> Int? {
        guard let file = file as? SimulatedFile, file.disk === self else { return nil }
        return file.handle
    }

    /// Runs the job: at once, or as a callback of the disk's own loop.
    public func background(_ job: @escaping @Sendable () -> Void) {
        guard let thread else { return job() }
        thread.execute(job)
    }
}

/// An open file of a `SimulatedDisk`.
final class SimulatedFile: DiskFile {
    let disk: SimulatedDisk
    let handle: Int
    let path: String

    init(disk: SimulatedDisk, handle: Int, path: String) {
        self.disk = disk
        self.handle = handle
        self.path = path
    }

    deinit {
        close()
    }

    func size() throws(DiskError) -> Int64 {
        try disk.state.withLock { (state) throws(DiskError) in try state.size(handle, path) }
    }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int {
        try disk.state.withLock { (state) throws(DiskError) in try state.read(handle, path, at: offset, into: buffer) }
    }

    func readCached(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int? {
        try disk.state.withLock { (state) throws(DiskError) in
            try state.readCached(handle, path, at: offset, into: buffer)
        }
    }

    func write(at offset: Int64, _ buffers: [UnsafeRawBufferPointer]) throws(DiskError) -> Int {
        try disk.state.withLock { (state) throws(DiskError) in try state.write(handle, path, at: offset, buffers) }
    }

    func truncate(to size: Int64) throws(DiskError) {
        try disk.state.withLock { (state) throws(DiskError) in try state.truncate(handle, path, to: size) }
    }

    func zeroFill(from offset: Int64, count: Int64) throws(DiskError) {
        try disk.state.withLock { (state) throws(DiskError) in
            try state.zeroFill(handle, path, from: offset, count: count)
        }
    }

    func sync() throws(DiskError) {
        try disk.state.withLock { (state) throws(DiskError) in
            let ticket = state.beginSync([handle], [path])
            try state.finishSync(ticket)[0].get()
        }
    }

    func tryLock() throws(DiskError) -> Bool {
        try disk.state.withLock { (state) throws(DiskError) in try state.tryLock(handle, path) }
    }

    func close() {
        disk.state.withLock { $0.close(handle) }
    }
}
