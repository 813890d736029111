import Testing
import WeirRuntime
import WeirSimulation

@Suite("the simulated disk")
struct SimulatedDiskTests {
    @Test("keeps the page cache when the process is killed, and forgets its locks and files")
    func kills() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try disk.open("/a", .createNew)
        try file.writeAll([1, 2, 3], at: 0)
        #expect(try file.tryLock())
        let next = disk.kill()
        #expect(next.contents(of: "/a") == [1, 2, 3])
        #expect(failure { _ = try file.size() } == .failed)
        #expect(try next.open("/a", .existing).tryLock())
        // What the killed process did not sync is still not synced.
        next.faults.survivingNames = 0...0
        #expect(next.crash().contents(of: "/a") == nil)
    }

    @Test("is full at its capacity: writes end short, then fail, and go on when there is room")
    func fills() throws {
        let disk = SimulatedDisk(seed: 1, capacityBytes: 5 * 4096)
        let file = try disk.open("/a", .createNew)
        let big = [UInt8](repeating: 1, count: 6 * 4096)
        let written = try big.withUnsafeBytes { try file.write(at: 100, [$0]) }
        #expect(written == 5 * 4096 - 100)
        #expect(failure { try file.writeAll([1], at: 5 * 4096) } == .full)
        #expect(try disk.bytesAvailable("/") == 0)
        // Blocks that are there can be written.
        try file.writeAll([9], at: 7)
        #expect(try file.bytes(at: 7, count: 1) == [9])
        let other = try disk.open("/b", .createNew)
        #expect(failure { try other.zeroFill(from: 0, count: 1) } == .full)
        #expect(try other.size() == 0)
        disk.capacityBytes += 4096
        try other.zeroFill(from: 0, count: 4096)
        try disk.remove("/b")
        #expect(failure { try file.writeAll([1], at: 5 * 4096) } == .full, "an open file keeps its blocks")
        other.close()
        try file.writeAll([1], at: 5 * 4096)
        try file.truncate(to: 0)
        #expect(disk.usedBytes == 0)
    }

    @Test("never shows again what a failed sync dropped", arguments: [true, false])
    func failsSync(_ keepsPages: Bool) throws {
        var outcomes: Set<[UInt8]> = []
        for seed: UInt64 in 0..<50 {
            var faults = DiskFaults()
            faults.afterFailedSync = keepsPages ? .keepsPages : .dropsPages
            let disk = SimulatedDisk(seed: seed)
            let file = try disk.makeDurable("/a", [1])
            faults.triggers = [.init(.sync, pathSuffix: "a")]
            disk.faults = faults
            try file.writeAll([2], at: 0)
            #expect(failure { try file.sync() } == .failed)
            if keepsPages { #expect(try file.bytes(at: 0, count: 1) == [2]) }
            // The second one succeeds, and means nothing for what the first one lost.
            try file.sync()
            disk.evictCleanPages()
            let seen = try file.bytes(at: 0, count: 1)
            #expect(disk.crash().contents(of: "/a") == seen, "seed \(seed)")
            outcomes.insert(seen)
        }
        #expect(outcomes == [[1], [2]])
    }

    @Test("fails the calls that were chosen, and only those")
    func triggers() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.faults.triggers = [
            .init(.write, pathSuffix: ".log", nth: 2, count: 2, code: .full), .init(.open, pathSuffix: "never"),
            .init(.syncDirectory), .init(.rename, nth: 1),
        ]
        let log = try disk.open("/a.log", .createNew)
        let other = try disk.open("/a.index", .createNew)
        var failures: [DiskError.Code?] = []
        for index in 0..<5 {
            try other.writeAll([1], at: 0)
            failures.append(failure { try log.writeAll([1], at: Int64(index)) })
        }
        #expect(failures == [nil, .full, .full, nil, nil])
        #expect(failure { _ = try disk.open("/never", .createNew) } == .failed)
        #expect(failure { try disk.syncDirectory("/") } == .failed)
        #expect(failure { try disk.syncDirectory("/") } == nil)
        #expect(failure { try disk.rename("/a.log", to: "/b") } == .failed)
        #expect(try disk.list("/") == ["a.index", "a.log"])
    }

    @Test("makes every fault that has a chance, and none that has none")
    func chances() throws {
        let calm = SimulatedDisk(seed: 1)
        var faults = DiskFaults.legal
        faults.failedRead = 0.2
        faults.failedWrite = 0.2
        faults.failedSync = 0.2
        let rough = SimulatedDisk(seed: 1, faults: faults)
        func count(_ disk: SimulatedDisk) throws -> [Int] {
            let file = try disk.open("/a", .createNew)
            var counts = [0, 0, 0, 0, 0, 0]
            let bytes = [UInt8](repeating: 1, count: 1000)
            var buffer = bytes
            for _ in 0..<200 {
                if failure({ if try bytes.withUnsafeBytes({ try file.write(at: 0, [$0]) }) < 1000 { counts[0] += 1 } })
                    != nil
                {
                    counts[1] += 1
                }
                if failure({ _ = try file.bytes(at: 0, count: 9) }) != nil { counts[2] += 1 }
                if failure({ try file.sync() }) != nil { counts[3] += 1 }
                guard let got = try? buffer.withUnsafeMutableBytes({ try file.readCached(at: 0, into: $0) }) else {
                    counts[4] += 1
                    continue
                }
                if got < 1000 { counts[5] += 1 }
            }
            return counts
        }
        #expect(try count(calm) == [0, 0, 0, 0, 0, 0])
        #expect(try count(rough).allSatisfy { $0 > 5 && $0 < 150 })
    }

    @Test("shows flipped bits once the cache is gone, or after a power cut")
    func flipsBits() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try disk.makeDurable("/a", [0, 0, 0])
        #expect(disk.flipBit(8 + 3, of: "/a"))
        #expect(!disk.flipBit(24, of: "/a"))
        #expect(!disk.flipBit(0, of: "/none"))
        #expect(try file.bytes(at: 0, count: 3) == [0, 0, 0])
        disk.evictCleanPages()
        #expect(try file.bytes(at: 0, count: 3) == [0, 8, 0])
        disk.faults.flippedBit = 1
        let found = try #require(disk.crash().contents(of: "/a"))
        let flipped = zip(found, [0, 8, 0] as [UInt8]).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
        #expect(flipped == 1)
    }

    @Test("syncs in virtual time, side by side, on a loop of its own")
    func syncsInTime() throws {
        let simulator = Simulator(seed: 4)
        let disk = SimulatedDisk(seed: 4, simulator: simulator)
        disk.faults.survivingContent = 0...0
        disk.faults.syncLatency = .milliseconds(3) ... .milliseconds(3)
        let file = try disk.makeDurable("/a", [1])
        try file.writeAll([2], at: 0)
        let answers = Journal<Int>()
        let loop = simulator.makeLoop()
        disk.sync([file, file]) { results in
            #expect(!loop.isCurrent)
            answers.add(results.count)
        }
        // What is written while a sync is under way is not part of it.
        try file.writeAll([3], at: 0)
        simulator.run(for: .milliseconds(2))
        #expect(answers.values.isEmpty)
        simulator.run(for: .milliseconds(1))
        #expect(answers.values == [2])
        #expect(disk.crash().contents(of: "/a") == [2])
    }

    @Test("keeps the later of two syncs whichever ends first")
    func overlapsSyncs() throws {
        for seed: UInt64 in 0..<50 {
            let simulator = Simulator(seed: seed)
            let disk = SimulatedDisk(seed: seed, simulator: simulator)
            let file = try disk.makeDurable("/a", Array(repeating: 1, count: 9000))
            try file.writeAll([2], at: 0)
            disk.sync([file]) { _ in }
            try file.truncate(to: 4000)
            try file.writeAll([3, 3, 3], at: 3999)
            disk.sync([file]) { _ in }
            simulator.run(for: .seconds(1))
            let expected = [2] + [UInt8](repeating: 1, count: 3998) + [3, 3, 3]
            #expect(disk.crash().contents(of: "/a") == expected, "seed \(seed)")
        }
    }

    @Test("answers a sync with failures when the power went meanwhile")
    func losesPowerDuringSync() throws {
        let simulator = Simulator(seed: 1)
        let disk = SimulatedDisk(seed: 1, simulator: simulator)
        let file = try disk.makeDurable("/a", [1])
        let answers = Journal<Bool>()
        disk.sync([file]) { results in answers.add((try? results[0].get()) != nil) }
        _ = disk.crash()
        simulator.run(for: .seconds(1))
        #expect(answers.values == [false])
    }

    @Test("holds what any calls and power cuts may leave, and nothing else", arguments: 0..<10)
    func agreesWithModel(_ base: UInt64) throws {
        for seed in (base * 100)..<(base * 100 + 100) {
            var model = try FileModel(seed: seed)
            try model.run(steps: 60)
        }
    }
}

/// One file of one sector-sized slots, and for each slot the values that it may have after a power cut.
private struct FileModel {
    private static let slotSize = 512
    private static let slotCount = 24
    private var random: SeededRandom
    private let seed: UInt64
    private var disk: SimulatedDisk
    private var file: any DiskFile
    private var current = [UInt8](repeating: 0, count: slotCount)
    private var possible: [Set<UInt8>]

    init(seed: UInt64) throws {
        self.seed = seed
        random = SeededRandom(seed: seed)
        // A write that ends within a sector lets the kernel write back half of it, rightly; not modelled.
        var faults = DiskFaults.legal
        faults.shortWrite = 0
        disk = SimulatedDisk(seed: seed, faults: faults)
        file = try disk.makeDurable("/a", Array(repeating: 0, count: Self.slotSize * Self.slotCount))
        possible = current.map { [$0] }
    }

    mutating func run(steps: Int) throws {
        for step in 0..<steps {
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<7: try write()
            case 7: try sync()
            case 8: try failSync()
            case 9:
                disk = disk.kill()
                file = try disk.open("/a", .existing)
            case 10: try crash()
            default: break
            }
            #expect(try values() == current, "seed \(seed), step \(step)")
        }
    }

    private mutating func write() throws {
        let first = Int.random(in: 0..<Self.slotCount, using: &random)
        let count = Int.random(in: 1...min(6, Self.slotCount - first), using: &random)
        let value = UInt8.random(in: 1...255, using: &random)
        try file.writeAll(Array(repeating: value, count: count * Self.slotSize), at: Int64(first * Self.slotSize))
        for slot in first..<first + count {
            current[slot] = value
            possible[slot].insert(value)
        }
    }

    private mutating func sync() throws {
        try file.sync()
        // Slots of a failed sync stay open: the cache shows the new value, the device may hold the old.
        for slot in possible.indices where !isDoubtful[slot] { possible[slot] = [current[slot]] }
    }

    private var isDoubtful = [Bool](repeating: false, count: slotCount)

    private mutating func failSync() throws {
        disk.faults.triggers = [.init(.sync)]
        #expect(throws: DiskError.self) { try file.sync() }
        for slot in possible.indices where possible[slot].count > 1 { isDoubtful[slot] = true }
    }

    private mutating func crash() throws {
        disk = disk.crash()
        file = try disk.open("/a", .existing)
        let found = try values()
        for slot in found.indices { #expect(possible[slot].contains(found[slot]), "seed \(seed), slot \(slot)") }
        current = found
        possible = found.map { [$0] }
        isDoubtful = isDoubtful.map { _ in false }
    }

    private func values() throws -> [UInt8] {
        let bytes = try file.bytes(at: 0, count: Self.slotSize * Self.slotCount)
        return (0..<Self.slotCount).map { slot in
            // A sector torn within itself would show here.
            let sector = bytes[slot * Self.slotSize..<(slot + 1) * Self.slotSize]
            #expect(sector.first == sector.last, "seed \(seed)")
            return sector.first!
        }
    }
}
