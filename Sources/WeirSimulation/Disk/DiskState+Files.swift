import WeirRuntime

// Calls on open files.
extension DiskState {
    /// A sync under way: for each file what it will make durable, or why it fails.
    struct SyncTicket: Sendable {
        enum Fate: Sendable {
            case succeeds(Node, SimulatedInode.SyncSnapshot)
            case fails(Node, SimulatedInode.SyncSnapshot, DiskError)
            case refused(DiskError)
        }

        let paths: [String]
        let fates: [Fate]
    }

    func size(_ handle: Int, _ path: String) throws(DiskError) -> Int64 {
        inodes[try node(handle, "size", path)]!.size
    }

    mutating func read(
        _ handle: Int, _ path: String, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(DiskError) -> Int {
        let node = try node(handle, "read", path)
        try admit(.read, path)
        try fail(faults.failedRead, "read", path)
        return inodes[node]!.read(at: offset, into: buffer)
    }

    mutating func readCached(
        _ handle: Int, _ path: String, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(DiskError) -> Int? {
        let node = try node(handle, "read", path)
        try admit(.read, path)
        if buffer.isEmpty { return 0 }
        if random.chance(faults.uncachedRead) { return nil }
        let inode = inodes[node]!
        guard buffer.count > 1, random.chance(faults.shortCachedRead) else {
            return inode.read(at: offset, into: buffer)
        }
        let count = Int.random(in: 1..<buffer.count, using: &random)
        return inode.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
    }

    mutating func write(
        _ handle: Int, _ path: String, at offset: Int64, _ buffers: [UnsafeRawBufferPointer]
    ) throws(DiskError) -> Int {
        let node = try node(handle, "write", path)
        try admit(.write, path)
        try fail(faults.failedWrite, "write", path)
        var count = buffers.reduce(0) { $0 + $1.count }
        if count == 0 { return 0 }
        if count > 1, random.chance(faults.shortWrite) { count = Int.random(in: 1..<count, using: &random) }
        count = Int(room(node, at: offset, count: Int64(count)))
        guard count > 0 else { throw Failure.full.error("write", path) }
        let chance = faults.writeback
        change(node) { inode, random in
            var done = 0
            for buffer in buffers where done < count {
                let part = UnsafeRawBufferPointer(rebasing: buffer.prefix(count - done))
                inode.write(at: offset + Int64(done), part)
                done += part.count
            }
            if random.chance(chance) { inode.writeBack(&random) }
        }
        return count
    }

    mutating func truncate(_ handle: Int, _ path: String, to size: Int64) throws(DiskError) {
        let node = try node(handle, "truncate", path)
        try admit(.truncate, path)
        change(node) { inode, _ in inode.truncate(to: size) }
    }

    mutating func zeroFill(_ handle: Int, _ path: String, from offset: Int64, count: Int64) throws(DiskError) {
        let node = try node(handle, "zeroFill", path)
        try admit(.zeroFill, path)
        guard room(node, at: offset, count: count) == count else { throw Failure.full.error("zeroFill", path) }
        change(node) { inode, _ in inode.zeroFill(from: offset, count: count) }
    }

    /// Decides what will come of the sync, for what is written at this moment. A nil handle is no file of this disk.
    mutating func beginSync(_ handles: [Int?], _ paths: [String]) -> SyncTicket {
        var fates: [SyncTicket.Fate] = []
        for (handle, path) in zip(handles, paths) {
            do throws(DiskError) {
                let node = try node(handle ?? -1, "sync", path)
                let snapshot = inodes[node]!.beginSync()
                do throws(DiskError) {
                    try admit(.sync, path)
                    try fail(faults.failedSync, "sync", path)
                    fates.append(.succeeds(node, snapshot))
                } catch {
                    fates.append(isDead ? .refused(error) : .fails(node, snapshot, error))
                }
            } catch {
                fates.append(.refused(error))
            }
        }
        return SyncTicket(paths: paths, fates: fates)
    }

    /// Lets what was decided happen, unless the power went meanwhile.
    mutating func finishSync(_ ticket: SyncTicket) -> [Result<Void, DiskError>] {
        zip(ticket.paths, ticket.fates).map { path, fate in
            switch fate {
            case .refused(let error):
                return .failure(error)
            case .succeeds(let node, let snapshot):
                if isDead { return .failure(Failure.device.error("sync", path)) }
                if inodes[node] != nil { change(node) { inode, _ in inode.finishSync(snapshot) } }
                return .success(())
            case .fails(let node, let snapshot, let error):
                let outcome = faults.afterFailedSync
                if !isDead, inodes[node] != nil {
                    change(node) { inode, random in inode.failSync(snapshot, outcome, &random) }
                }
                return .failure(error)
            }
        }
    }

    mutating func tryLock(_ handle: Int, _ path: String) throws(DiskError) -> Bool {
        let node = try node(handle, "lock", path)
        let holder = inodes[node]!.lockHolder
        guard holder == nil || holder == handle else { return false }
        inodes[node]!.lockHolder = handle
        return true
    }

    mutating func close(_ handle: Int) {
        guard let node = handles.removeValue(forKey: handle), inodes[node] != nil else { return }
        change(node) { inode, _ in
            inode.openCount -= 1
            if inode.lockHolder == handle { inode.lockHolder = nil }
        }
    }

    private func node(_ handle: Int, _ operation: String, _ path: String) throws(DiskError) -> Node {
        try checkAlive(operation, path)
        guard let node = handles[handle] else { throw Failure.closed.error(operation, path) }
        return node
    }
}
