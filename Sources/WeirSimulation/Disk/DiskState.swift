import WeirRuntime

/// Everything that a `SimulatedDisk` knows, under its lock.
struct DiskState {
    typealias Node = SimulatedNames.Node

    /// The errors that the disk answers with, numbered as on Linux.
    enum Failure: Int32 {
        case notFound = 2
        case device = 5
        case closed = 9
        case exists = 17
        case notFolder = 20
        case isFolder = 21
        case full = 28
        case notEmpty = 39

        var code: DiskError.Code {
            switch self {
            case .notFound: .notFound
            case .exists, .notEmpty: .exists
            case .full: .full
            case .device, .closed, .notFolder, .isFolder: .failed
            }
        }

        func error(_ operation: String, _ path: String) -> DiskError {
            DiskError(code, operation: operation, path: path, errno: rawValue)
        }
    }

    var random: SeededRandom
    var capacityBytes: Int64
    private(set) var faults: DiskFaults
    var names = SimulatedNames()
    var inodes: [Node: SimulatedInode] = [:]
    var handles: [Int: Node] = [:]
    var nextHandle = 0
    private(set) var usedBytes: Int64 = 0
    private(set) var changeCount = 0
    private(set) var isDead = false
    private var triggerCounts: [Int]

    init(random: SeededRandom, capacityBytes: Int64, faults: DiskFaults) {
        self.random = random
        self.capacityBytes = capacityBytes
        self.faults = faults
        triggerCounts = Array(repeating: 0, count: faults.triggers.count)
    }

    mutating func setFaults(_ faults: DiskFaults) {
        self.faults = faults
        triggerCounts = Array(repeating: 0, count: faults.triggers.count)
    }

    // MARK: Faults

    /// Counts a call, and throws what the faults have for it.
    mutating func admit(_ operation: DiskFaults.Operation, _ path: String) throws(DiskError) {
        if operation != .read && !isDead {
            changeCount += 1
            if let cut = faults.powerCutAt, changeCount >= cut { isDead = true }
        }
        if isDead { throw Failure.device.error("\(operation)", path) }
        for (index, trigger) in faults.triggers.enumerated()
        where trigger.operation == operation && path.hasSuffix(trigger.pathSuffix) {
            triggerCounts[index] += 1
            let past = triggerCounts[index] - trigger.nth
            guard past >= 0 && past < trigger.count else { continue }
            throw DiskError(
                trigger.code, operation: "\(operation)", path: path,
                errno: trigger.code == .full ? Failure.full.rawValue : Failure.device.rawValue)
        }
    }

    mutating func fail(_ chance: Double, _ operation: String, _ path: String) throws(DiskError) {
        if random.chance(chance) { throw Failure.device.error(operation, path) }
    }

    mutating func drawSyncLatency() -> Duration {
        let range = faults.syncLatency
        return .nanoseconds(
            Int64.random(in: range.lowerBound.nanoseconds...range.upperBound.nanoseconds, using: &random))
    }

    // MARK: Space

    /// Changes a file and keeps count of the blocks in use.
    mutating func change<Value>(_ node: Node, _ body: (inout SimulatedInode, inout SeededRandom) -> Value) -> Value {
        let before = charge(node)
        let value = body(&inodes[node]!, &random)
        usedBytes += charge(node) - before
        return value
    }

    private func charge(_ node: Node) -> Int64 {
        guard let inode = inodes[node], inode.isLinked || inode.openCount > 0 else { return 0 }
        return inode.bytesUsed
    }

    /// How many of `count` bytes at `offset` there are blocks for.
    func room(_ node: Node, at offset: Int64, count: Int64) -> Int64 {
        let inode = inodes[node]!
        let page = Int64(SimulatedInode.pageSize)
        var free = max(0, capacityBytes - usedBytes) / page
        if Int64(inode.missingPages(from: offset, count: count)) <= free { return count }
        var end = offset
        while end < offset + count {
            let next = min((end / page + 1) * page, offset + count)
            if inode.missingPages(from: end, count: next - end) > 0 {
                if free == 0 { break }
                free -= 1
            }
            end = next
        }
        return end - offset
    }

    // MARK: The ends of the machine

    mutating func afterPowerCut() -> DiskState {
        isDead = true
        var found = afterEnd()
        found.names = names.afterPowerCut(faults.survivingNames.draw(&random), &random)
        for node in inodes.keys.sorted() {
            var inode = inodes[node]!.afterPowerCut(faults, &random)
            if random.chance(faults.flippedBit), inode.durableByteCount > 0 {
                _ = inode.flipDurableBit(Int64.random(in: 0..<inode.durableByteCount * 8, using: &random))
                inode.evictCleanPages()
            }
            found.inodes[node] = inode
        }
        found.settleLinks()
        return found
    }

    mutating func afterKill() -> DiskState {
        isDead = true
        var found = afterEnd()
        found.names = names
        found.inodes = inodes
        found.settleLinks()
        return found
    }

    private mutating func afterEnd() -> DiskState {
        var next = faults
        next.triggers = []
        next.powerCutAt = nil
        return DiskState(random: random.split(), capacityBytes: capacityBytes, faults: next)
    }

    /// After an end nothing is open; files without a name are gone.
    private mutating func settleLinks() {
        sweep()
        let linked = names.linked()
        for node in inodes.keys {
            inodes[node]!.openCount = 0
            inodes[node]!.lockHolder = nil
            inodes[node]!.isLinked = linked.contains(node)
        }
        sweep()
        usedBytes = inodes.keys.reduce(0) { $0 + charge($1) }
    }

    /// Forgets files that neither a program nor a power cut can bring back.
    mutating func sweep() {
        let reachable = names.reachable()
        inodes = inodes.filter { reachable.contains($0.key) || $0.value.openCount > 0 }
    }

    mutating func evictCleanPages() {
        for node in inodes.keys { change(node) { inode, _ in inode.evictCleanPages() } }
    }

    mutating func flipBit(_ bit: Int64, of path: String) -> Bool {
        guard let node = names.find(Self.parts(path)[...]), inodes[node] != nil else { return false }
        return change(node) { inode, _ in inode.flipDurableBit(bit) }
    }

    func contents(of path: String) -> [UInt8]? {
        guard let node = names.find(Self.parts(path)[...]), let inode = inodes[node] else { return nil }
        return [UInt8](unsafeUninitializedCapacity: Int(inode.size)) { buffer, count in
            count = inode.read(at: 0, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    static func parts(_ path: String) -> [String] {
        path.split(separator: "/").filter { $0 != "." }.map(String.init)
    }
}
