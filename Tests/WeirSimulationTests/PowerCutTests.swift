import Testing
import WeirRuntime
import WeirSimulation

@Suite("a power cut")
struct PowerCutTests {
    @Test("takes nothing that was synced", arguments: [DiskFaults(), .legal])
    func keepsSynced(_ faults: DiskFaults) throws {
        for seed: UInt64 in 0..<100 {
            let disk = SimulatedDisk(seed: seed, faults: faults)
            let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
            try disk.makeDurable("/a", bytes)
            #expect(disk.crash().contents(of: "/a") == bytes, "seed \(seed)")
        }
    }

    @Test("leaves any part of what was not synced, in any order, by sectors", arguments: DiskFaults.Atomicity.both)
    func tears(_ atomicity: DiskFaults.Atomicity) throws {
        let unit = atomicity.rawValue
        var patterns: Set<[UInt8]> = []
        for seed: UInt64 in 0..<300 {
            var faults = DiskFaults()
            faults.atomicity = atomicity
            let disk = SimulatedDisk(seed: seed, faults: faults)
            let file = try disk.makeDurable("/a", Array(repeating: 1, count: 3 * unit))
            try file.writeAll(Array(repeating: 2, count: 3 * unit), at: 0)
            let found = try #require(disk.crash().contents(of: "/a"))
            #expect(found.count == 3 * unit)
            for sector in 0..<3 {
                // Whole sectors are old or new.
                #expect(Set(found[sector * unit..<(sector + 1) * unit]).count == 1, "seed \(seed)")
            }
            patterns.insert((0..<3).map { found[$0 * unit] })
        }
        #expect(patterns.count == 8, "old and new in every combination")
    }

    @Test("leaves a file that grew at any length between, with its bytes or zeros")
    func tearsGrowth() throws {
        var lengths: Set<Int> = []
        var hasZeros = false
        for seed: UInt64 in 0..<300 {
            let disk = SimulatedDisk(seed: seed)
            let file = try disk.makeDurable("/a", Array(repeating: 1, count: 100))
            try file.writeAll(Array(repeating: 2, count: 4000), at: 100)
            let found = try #require(disk.crash().contents(of: "/a"))
            #expect(found.count >= 100 && found.count <= 4100)
            #expect(found[..<100].allSatisfy { $0 == 1 }, "seed \(seed)")
            #expect(found[100...].allSatisfy { $0 == 2 || $0 == 0 })
            lengths.insert(found.count)
            if found[100...].contains(0) { hasZeros = true }
        }
        #expect(lengths.contains(100) && lengths.contains(4100) && lengths.count > 4)
        #expect(hasZeros)
    }

    @Test("may leave an older version that the kernel wrote back by itself")
    func leavesIntermediateVersions() throws {
        var seen: Set<UInt8> = []
        for seed: UInt64 in 0..<200 {
            var faults = DiskFaults()
            faults.writeback = 0.5
            faults.survivingContent = 0...0
            let disk = SimulatedDisk(seed: seed, faults: faults)
            let file = try disk.makeDurable("/a", [0])
            for version: UInt8 in 1...4 { try file.writeAll([version], at: 0) }
            seen.insert(try #require(disk.crash().contents(of: "/a"))[0])
        }
        #expect(seen == [0, 1, 2, 3, 4])
    }

    @Test("loses or keeps a cut as a whole, and never brings back what was cut and synced")
    func cuts() throws {
        var lengths: Set<Int> = []
        for seed: UInt64 in 0..<200 {
            let disk = SimulatedDisk(seed: seed)
            let file = try disk.makeDurable("/a", Array(repeating: 1, count: 20_000))
            try file.truncate(to: 5000)
            if seed % 2 == 0 {
                try file.sync()
                try file.writeAll(Array(repeating: 2, count: 9000), at: 5000)
            }
            let found = try #require(disk.crash().contents(of: "/a"))
            #expect(found[..<5000].allSatisfy { $0 == 1 }, "seed \(seed)")
            if seed % 2 == 0 {
                #expect(found.count >= 5000 && !found[5000...].contains(1), "seed \(seed)")
            } else {
                lengths.insert(found.count)
            }
        }
        #expect(lengths == [5000, 20_000])
    }

    @Test("takes names whose folder was not synced, and keeps their order")
    func losesNames() throws {
        var outcomes: Set<[String]> = []
        for seed: UInt64 in 0..<200 {
            let disk = SimulatedDisk(seed: seed)
            try disk.makeDurable("/old", [1])
            _ = try disk.makeFileWithoutName("/a")
            _ = try disk.makeFileWithoutName("/b")
            try disk.remove("/old")
            outcomes.insert(try disk.crash().list("/"))
        }
        #expect(outcomes == [["old"], ["a", "old"], ["a", "b", "old"], ["a", "b"]])
    }

    @Test("keeps names whose folder was synced, but not those of folders without a name")
    func keepsNames() throws {
        var outcomes: Set<Bool> = []
        for seed: UInt64 in 0..<100 {
            let disk = SimulatedDisk(seed: seed)
            try disk.createDirectory("/x/y")
            try disk.open("/x/y/a", .createNew).sync()
            try disk.syncDirectory("/x/y")
            try disk.syncDirectory("/x")
            let found = disk.crash()
            let isThere = try found.kind(of: "/x") != nil
            #expect(try (found.kind(of: "/x/y/a") == .file) == isThere, "seed \(seed)")
            outcomes.insert(isThere)
            let next = SimulatedDisk(seed: seed)
            try next.createDirectory("/x/y")
            try next.syncDirectory("/")
            #expect(try next.crash().kind(of: "/x") == .directory)
        }
        #expect(outcomes == [true, false])
    }

    @Test("leaves a rename done or not, never both names or none")
    func renamesAtomically() throws {
        var outcomes: Set<[String]> = []
        for seed: UInt64 in 0..<100 {
            let disk = SimulatedDisk(seed: seed)
            try disk.makeDurable("/a", [1])
            try disk.createDirectory("/x")
            try disk.syncDirectory("/")
            try disk.rename("/a", to: "/x/b")
            if seed % 4 == 0 { try disk.syncDirectory("/x") }
            let found = disk.crash()
            let names = try found.list("/") + found.list("/x")
            outcomes.insert(names)
            if seed % 4 == 0 { #expect(names == ["x", "b"]) }
        }
        #expect(outcomes == [["a", "x"], ["x", "b"]])
    }

    @Test("leaves an empty file under the new name where only the rename was synced")
    func renamesUnsyncedContent() throws {
        var lengths: Set<Int> = []
        for seed: UInt64 in 0..<100 {
            let disk = SimulatedDisk(seed: seed)
            try disk.makeDurable("/a", [1])
            try disk.open("/a.new", .createNew).writeAll([2, 2], at: 0)
            try disk.rename("/a.new", to: "/a")
            try disk.syncDirectory("/")
            lengths.insert(try #require(disk.crash().contents(of: "/a")).count)
        }
        #expect(lengths == [0, 2])
    }

    @Test("comes at the call that was chosen, and every call fails from then on")
    func comesAtCall() throws {
        for moment in 1...6 {
            var faults = DiskFaults()
            faults.powerCutAt = moment
            faults.survivingContent = 1...1
            faults.survivingNames = 1...1
            let disk = SimulatedDisk(seed: 1, faults: faults)
            var done = 0
            do {
                let file = try disk.open("/a", .createNew)
                done += 1
                for value: UInt8 in 1...8 {
                    try file.writeAll([value], at: Int64(value) - 1)
                    done += 1
                }
                Issue.record("the power stayed")
            } catch {
                #expect((error as? DiskError)?.code == .failed)
            }
            #expect(done == moment - 1)
            #expect(failure { _ = try disk.list("/") } == .failed)
            let found = disk.crash()
            #expect(found.contents(of: "/a").map { $0.count } == (moment == 1 ? nil : moment - 2))
            _ = try found.open("/b", .createNew)
        }
    }

    @Test("leaves the same for the same seed")
    func isDeterministic() throws {
        func found(_ seed: UInt64) throws -> [[UInt8]?] {
            let disk = SimulatedDisk(seed: seed, faults: .legal)
            for name in ["a", "b", "c"] {
                let file = try disk.makeDurable("/\(name)", [])
                for round in 0..<20 {
                    try file.writeAll(Array(repeating: UInt8(round), count: 700), at: Int64(round * 500))
                }
            }
            let next = disk.crash()
            return ["/a", "/b", "/c"].map { next.contents(of: $0) }
        }
        for seed: UInt64 in 0..<20 { #expect(try found(seed) == found(seed), "seed \(seed)") }
        #expect(try Set((0..<20).map(found)).count > 10)
    }
}

extension DiskFaults.Atomicity {
    static let both: [DiskFaults.Atomicity] = [.sector, .page]
}

extension SimulatedDisk {
    /// A file whose content is durable and whose name is not.
    fileprivate func makeFileWithoutName(_ path: String) throws -> any DiskFile {
        let file = try open(path, .createNew)
        try file.sync()
        return file
    }
}
