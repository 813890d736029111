/// The content of one file: what the page cache shows, and what the device holds.
///
/// Pages are shared between the two by copy on write. Each change has a version, so that a sync that
/// ends late never undoes a later one.
struct SimulatedInode {
    static let pageSize = 4096
    private static let zeros = [UInt8](repeating: 0, count: pageSize)

    struct Page: Sendable {
        var bytes: [UInt8]
        var version: UInt64
    }

    /// What is dirty at the moment when a sync begins.
    struct SyncSnapshot: Sendable {
        let version: UInt64
        let pages: [(index: Int, page: Page)]
        let size: Int64
        let lowestSize: Int64?
    }

    private(set) var cached: [Int: Page] = [:]
    private(set) var size: Int64 = 0
    private var durable: [Int: Page] = [:]
    private var durableSize: Int64 = 0
    private(set) var dirty: Set<Int> = []
    private var version: UInt64 = 0
    private var syncedVersion: UInt64 = 0
    /// Cuts that are not durable yet.
    private var cuts: [(version: UInt64, size: Int64)] = []

    /// Open files, and whether a name leads here: with neither, its blocks are free.
    var openCount = 0
    var isLinked = true
    var lockHolder: Int?

    /// Blocks in use, in bytes.
    var bytesUsed: Int64 { Int64(cached.count * Self.pageSize) }

    // MARK: Page cache

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = Int(max(0, min(Int64(buffer.count), size - offset)))
        var done = 0
        while done < count {
            let (index, start) = Self.split(offset + Int64(done))
            let part = min(Self.pageSize - start, count - done)
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + part])
            if let page = cached[index] {
                page.bytes.withUnsafeBytes {
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + part]))
                }
            } else {
                target.initializeMemory(as: UInt8.self, repeating: 0)
            }
            done += part
        }
        return count
    }

    /// Pages that a write of the range would add.
    func missingPages(from offset: Int64, count: Int64) -> Int {
        guard count > 0 else { return 0 }
        let (first, _) = Self.split(offset)
        let (last, _) = Self.split(offset + count - 1)
        return (first...last).count { cached[$0] == nil }
    }

    mutating func write(at offset: Int64, _ bytes: UnsafeRawBufferPointer) {
        version += 1
        var done = 0
        while done < bytes.count {
            let (index, start) = Self.split(offset + Int64(done))
            let part = min(Self.pageSize - start, bytes.count - done)
            cached[index, default: Page(bytes: Self.zeros, version: 0)].bytes.withUnsafeMutableBytes { target in
                UnsafeMutableRawBufferPointer(rebasing: target[start..<start + part])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[done..<done + part]))
            }
            touch(index)
            done += part
        }
        if !bytes.isEmpty { size = max(size, offset + Int64(bytes.count)) }
    }

    mutating func zeroFill(from offset: Int64, count: Int64) {
        version += 1
        var done: Int64 = 0
        while done < count {
            let (index, start) = Self.split(offset + done)
            let part = Int(min(Int64(Self.pageSize - start), count - done))
            if part == Self.pageSize {
                cached[index] = Page(bytes: Self.zeros, version: version)
            } else {
                let zeros = repeatElement(UInt8(0), count: part)
                cached[index, default: Page(bytes: Self.zeros, version: 0)].bytes
                    .replaceSubrange(start..<start + part, with: zeros)
            }
            touch(index)
            done += Int64(part)
        }
        if count > 0 { size = max(size, offset + count) }
    }

    mutating func truncate(to newSize: Int64) {
        version += 1
        if newSize < size {
            Self.cut(&cached, to: newSize)
            let (boundary, start) = Self.split(newSize)
            dirty = dirty.filter { $0 < boundary || ($0 == boundary && start > 0) }
            if start > 0, cached[boundary] != nil { touch(boundary) }
            cuts.append((version, newSize))
        }
        size = newSize
    }

    // MARK: Device

    func beginSync() -> SyncSnapshot {
        let pages = dirty.sorted().map { (index: $0, page: cached[$0]!) }
        return SyncSnapshot(version: version, pages: pages, size: size, lowestSize: cuts.map(\.size).min())
    }

    /// The device holds the snapshot; what was written since stays dirty.
    mutating func finishSync(_ snapshot: SyncSnapshot) {
        guard snapshot.version >= syncedVersion else { return }
        if let lowest = snapshot.lowestSize { Self.cut(&durable, to: lowest) }
        for (index, page) in snapshot.pages { bringToDevice(index, page) }
        cuts.removeAll { $0.version <= snapshot.version }
        durableSize = snapshot.size
        syncedVersion = snapshot.version
    }

    /// Some pages of the snapshot got to the device, the others never will: they count as clean.
    mutating func failSync(_ snapshot: SyncSnapshot, _ outcome: DiskFaults.FailedSync, _ random: inout SeededRandom) {
        guard snapshot.version >= syncedVersion else { return }
        for (index, page) in snapshot.pages {
            if cuts.isEmpty, Bool.random(using: &random) {
                bringToDevice(index, page)
                continue
            }
            guard cached[index]?.version == page.version else { continue }
            dirty.remove(index)
            if outcome == .dropsPages { evict(index) }
        }
    }

    /// The kernel writes back some dirty pages because it feels like it.
    mutating func writeBack(_ random: inout SeededRandom) {
        // While a cut is not durable the blocks behind it are not written either.
        guard cuts.isEmpty else { return }
        for index in dirty.sorted() where Bool.random(using: &random) { bringToDevice(index, cached[index]!) }
    }

    /// Clean pages leave the cache: the next read shows what the device holds.
    mutating func evictCleanPages() {
        for index in Set(cached.keys).union(durable.keys) where !dirty.contains(index) && cuts.isEmpty {
            evict(index)
        }
    }

    /// Flips one bit of what the device holds. False where that has no bytes.
    mutating func flipDurableBit(_ bit: Int64) -> Bool {
        let (index, start) = Self.split(bit / 8)
        guard bit / 8 < durableSize else { return false }
        durable[index, default: Page(bytes: Self.zeros, version: 0)].bytes[start] ^= 1 << UInt8(bit % 8)
        return true
    }

    var durableByteCount: Int64 { durableSize }

    /// The file as it is found after the power was cut.
    func afterPowerCut(_ faults: DiskFaults, _ random: inout SeededRandom) -> SimulatedInode {
        var found = SimulatedInode()
        found.durable = durable
        found.durableSize = durableSize
        let share = faults.survivingContent.draw(&random)
        let lowest = cuts.map(\.size).min()
        if let lowest, !random.chance(share) {
            // The cut is lost, so the old blocks are back; only the block at the cut is rewritten in place.
            let (boundary, _) = Self.split(lowest)
            tear(dirty.filter { $0 <= boundary && durable[$0] != nil }, share, faults.atomicity, &found, &random)
        } else {
            let floor = min(lowest ?? durableSize, durableSize, size)
            if lowest != nil { Self.cut(&found.durable, to: floor) }
            tear(dirty, share, faults.atomicity, &found, &random)
            found.durableSize = sizeAfterPowerCut(floor, share, faults.atomicity, &random)
        }
        Self.cut(&found.durable, to: found.durableSize)
        found.version = version
        found.cached = found.durable
        found.size = found.durableSize
        return found
    }

    private func tear(
        _ pages: Set<Int>, _ share: Double, _ atomicity: DiskFaults.Atomicity, _ found: inout SimulatedInode,
        _ random: inout SeededRandom
    ) {
        for index in pages.sorted() {
            let new = cached[index]!.bytes
            var bytes = found.durable[index]?.bytes ?? Self.zeros
            for start in stride(from: 0, to: Self.pageSize, by: atomicity.rawValue) where random.chance(share) {
                bytes.replaceSubrange(start..<start + atomicity.rawValue, with: new[start..<start + atomicity.rawValue])
            }
            found.durable[index] = Page(bytes: bytes, version: version)
        }
    }

    private func sizeAfterPowerCut(
        _ floor: Int64, _ share: Double, _ atomicity: DiskFaults.Atomicity, _ random: inout SeededRandom
    ) -> Int64 {
        guard size > floor, random.chance(share) else { return floor }
        if Bool.random(using: &random) { return size }
        let unit = Int64(atomicity.rawValue)
        return max(floor, Int64.random(in: floor...size, using: &random) / unit * unit)
    }

    private mutating func touch(_ index: Int) {
        cached[index]!.version = version
        dirty.insert(index)
    }

    private mutating func bringToDevice(_ index: Int, _ page: Page) {
        if page.version >= durable[index]?.version ?? 0 { durable[index] = page }
        if cached[index]?.version == page.version { dirty.remove(index) }
    }

    private mutating func evict(_ index: Int) {
        cached[index] = durable[index]
    }

    private static func split(_ offset: Int64) -> (page: Int, start: Int) {
        (Int(offset) / pageSize, Int(offset) % pageSize)
    }

    /// Drops pages from `size` on, and zeroes the rest of the page in which it lies.
    private static func cut(_ pages: inout [Int: Page], to size: Int64) {
        let (boundary, start) = split(size)
        pages = pages.filter { $0.key < boundary || ($0.key == boundary && start > 0) }
        guard start > 0, pages[boundary] != nil else { return }
        let tail = pages[boundary]!.bytes[start...]
        guard tail.contains(where: { $0 != 0 }) else { return }
        pages[boundary]!.bytes.replaceSubrange(start..., with: repeatElement(0, count: pageSize - start))
    }
}

extension ClosedRange<Double> {
    /// A share: one of the ends in half of the cases, since it is there that mistakes hide.
    func draw(_ random: inout SeededRandom) -> Double {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: lowerBound
        case 1: upperBound
        default: Double.random(in: self, using: &random)
        }
    }
}
