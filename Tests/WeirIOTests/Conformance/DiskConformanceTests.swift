import Testing
import WeirIO
import WeirRuntime
import WeirSimulation

/// The disks that must behave alike: what one of them does in these tests, the other does too.
enum DiskUnderTest: CaseIterable, CustomTestStringConvertible {
    case system
    case simulated
    case simulatedWithLegalFaults

    var testDescription: String { "\(self)" }

    /// Runs the body with a disk and an empty folder on it.
    func use(_ body: (any Disk, String) async throws -> Void) async throws {
        switch self {
        case .system:
            let folder = try TemporaryFolder()
            let disk = SystemDisk()
            defer { disk.shutdown() }
            try await body(disk, folder.path)
        case .simulated:
            try await onSimulated(SimulatedDisk(seed: 1), body)
        case .simulatedWithLegalFaults:
            for seed in 0..<20 {
                try await onSimulated(SimulatedDisk(seed: UInt64(seed), faults: .legal), body)
            }
        }
    }

    private func onSimulated(_ disk: SimulatedDisk, _ body: (any Disk, String) async throws -> Void) async throws {
        try disk.createDirectory("/folder")
        try await body(disk, "/folder")
    }
}

@Suite("every disk")
struct DiskConformanceTests {
    @Test("gives back what was written, and fewer bytes only at the end", arguments: DiskUnderTest.allCases)
    func readsBack(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            let file = try disk.open("\(folder)/a", .createNew)
            try file.writeAll(Array("hello, ".utf8), at: 0)
            try file.writeAll(Array("world".utf8), at: 7)
            #expect(try file.size() == 12)
            #expect(try file.bytes(at: 0, count: 12) == Array("hello, world".utf8))
            #expect(try file.bytes(at: 7, count: 100) == Array("world".utf8))
            #expect(try file.bytes(at: 12, count: 1).isEmpty)
            #expect(try file.bytes(at: 4000, count: 1).isEmpty)
        }
    }

    @Test("writes many buffers in their order, more than one system call takes", arguments: DiskUnderTest.allCases)
    func writesManyBuffers(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            let file = try disk.open("\(folder)/a", .createNew)
            let bytes = (0..<9000).map { UInt8(truncatingIfNeeded: $0 / 7) }
            try bytes.withUnsafeBytes { all in
                var position = 0
                while position < all.count {
                    // Three bytes a buffer, with empty ones between.
                    let buffers = stride(from: position, to: all.count, by: 3).flatMap { start in
                        [
                            UnsafeRawBufferPointer(rebasing: all[start..<min(start + 3, all.count)]),
                            UnsafeRawBufferPointer(start: nil, count: 0),
                        ]
                    }
                    let count = try file.write(at: Int64(position), buffers)
                    #expect(count > 0)
                    position += count
                }
            }
            #expect(try file.bytes(at: 0, count: 10_000) == bytes)
            #expect(try file.write(at: 0, []) == 0)
        }
    }

    @Test("reads zeros where nothing was written", arguments: DiskUnderTest.allCases)
    func holes(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            let file = try disk.open("\(folder)/a", .createNew)
            try file.writeAll([1, 2, 3], at: 10_000)
            #expect(try file.bytes(at: 0, count: 10_003) == Array(repeating: 0, count: 10_000) + [1, 2, 3])
            try file.truncate(to: 20_000)
            #expect(try file.size() == 20_000)
            #expect(try file.bytes(at: 10_001, count: 20_000) == [2, 3] + Array(repeating: 0, count: 9997))
        }
    }

    @Test("cuts a file for good: what is extended afterwards is zero", arguments: DiskUnderTest.allCases)
    func truncates(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            let file = try disk.open("\(folder)/a", .createNew)
            try file.writeAll(Array(repeating: 7, count: 9000), at: 0)
            try file.truncate(to: 5000)
            #expect(try file.size() == 5000)
            try file.truncate(to: 9000)
            #expect(try file.bytes(at: 4999, count: 9000) == [7] + Array(repeating: 0, count: 4000))
        }
    }

    @Test("fills with zeros over old bytes and past the end", arguments: DiskUnderTest.allCases)
    func zeroFills(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            let file = try disk.open("\(folder)/a", .createNew)
            try file.writeAll(Array(repeating: 7, count: 100), at: 0)
            try file.zeroFill(from: 60, count: 5_000_000)
            #expect(try file.size() == 5_000_060)
            let bytes = try file.bytes(at: 0, count: 6_000_000)
            #expect(bytes.count == 5_000_060)
            #expect(Array(bytes[..<60]) == Array(repeating: 7, count: 60))
            #expect(isZero(bytes[60...]))
            try file.zeroFill(from: 0, count: 0)
            #expect(try file.size() == 5_000_060)
        }
    }

    @Test("reads from the cache what was just written, or says that it cannot", arguments: DiskUnderTest.allCases)
    func readsCached(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            let file = try disk.open("\(folder)/a", .createNew)
            let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
            try file.writeAll(bytes, at: 0)
            var buffer = [UInt8](repeating: 0, count: 5000)
            if let count = try buffer.withUnsafeMutableBytes({ try file.readCached(at: 100, into: $0) }) {
                #expect(count > 0 && count <= 4900)
                #expect(Array(buffer[..<count]) == Array(bytes[100..<100 + count]))
            }
            let atEnd = try buffer.withUnsafeMutableBytes { try file.readCached(at: 5000, into: $0) }
            #expect(atEnd == 0 || atEnd == nil)
        }
    }

    @Test("opens as it was told", arguments: DiskUnderTest.allCases)
    func opens(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            let path = "\(folder)/a"
            #expect(failure { _ = try disk.open(path, .existing) } == .notFound)
            let file = try disk.open(path, .createIfMissing)
            #expect(file.path == path)
            try file.writeAll([1], at: 0)
            #expect(try disk.open(path, .createIfMissing).size() == 1)
            #expect(try disk.open(path, .existing).size() == 1)
            #expect(failure { _ = try disk.open(path, .createNew) } == .exists)
            #expect(failure { _ = try disk.open(folder, .existing) } == .failed)
            #expect(failure { _ = try disk.open("\(folder)/none/a", .createIfMissing) } == .notFound)
            #expect(failure { _ = try disk.open("\(path)/b", .createIfMissing) } == .failed)
        }
    }

    @Test("tells folders from files, lists in order, says what is not there", arguments: DiskUnderTest.allCases)
    func lists(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            try disk.createDirectory("\(folder)/x/y/z")
            try disk.createDirectory("\(folder)/x/y/z/")
            for name in ["b", "a", "00000000000000000010.log", "c"] {
                _ = try disk.open("\(folder)/x/\(name)", .createNew)
            }
            #expect(try disk.list("\(folder)/x") == ["00000000000000000010.log", "a", "b", "c", "y"])
            #expect(try disk.list("\(folder)/x/y/z").isEmpty)
            #expect(try disk.kind(of: "\(folder)/x") == .directory)
            #expect(try disk.kind(of: "\(folder)/x/a") == .file)
            #expect(try disk.kind(of: "\(folder)/x/none") == nil)
            #expect(try disk.kind(of: "\(folder)/x/a/none") == nil)
            #expect(failure { _ = try disk.list("\(folder)/none") } == .notFound)
            #expect(failure { try disk.createDirectory("\(folder)/x/a") } == .exists)
            #expect(try disk.bytesAvailable(folder) > 0)
            try disk.syncDirectory("\(folder)/x")
        }
    }

    @Test("renames files over files and moves folders with their content", arguments: DiskUnderTest.allCases)
    func renames(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            let old = try disk.open("\(folder)/old", .createNew)
            try old.writeAll([1], at: 0)
            let new = try disk.open("\(folder)/new", .createNew)
            try new.writeAll([2, 2], at: 0)
            try disk.rename("\(folder)/new", to: "\(folder)/old")
            #expect(try disk.list(folder) == ["old"])
            #expect(try disk.open("\(folder)/old", .existing).size() == 2)
            // Files stay open whatever happens to their names.
            #expect(try old.bytes(at: 0, count: 9) == [1])
            try new.writeAll([3], at: 2)
            #expect(try disk.open("\(folder)/old", .existing).bytes(at: 0, count: 9) == [2, 2, 3])

            try disk.createDirectory("\(folder)/one/deep")
            try disk.rename("\(folder)/old", to: "\(folder)/one/deep/file")
            try disk.rename("\(folder)/one", to: "\(folder)/two")
            #expect(try disk.kind(of: "\(folder)/two/deep/file") == .file)
            #expect(try disk.kind(of: "\(folder)/one") == nil)
            #expect(failure { try disk.rename("\(folder)/none", to: "\(folder)/x") } == .notFound)
            try disk.createDirectory("\(folder)/three")
            #expect(failure { try disk.rename("\(folder)/three", to: "\(folder)/two") } == .exists)
        }
    }

    @Test("removes whole folders, and what is not there without a word", arguments: DiskUnderTest.allCases)
    func removes(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            try disk.createDirectory("\(folder)/x/y")
            _ = try disk.open("\(folder)/x/y/a", .createNew)
            let file = try disk.open("\(folder)/x/b", .createNew)
            try file.writeAll([9], at: 0)
            try disk.remove("\(folder)/x")
            try disk.remove("\(folder)/x")
            try disk.remove("\(folder)/none/at/all")
            #expect(try disk.list(folder).isEmpty)
            #expect(try file.bytes(at: 0, count: 2) == [9])
        }
    }

    @Test("lets one opener lock a file until it closes it", arguments: DiskUnderTest.allCases)
    func locks(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            let first = try disk.open("\(folder)/lock", .createIfMissing)
            let second = try disk.open("\(folder)/lock", .createIfMissing)
            #expect(try first.tryLock())
            #expect(try first.tryLock())
            #expect(try !second.tryLock())
            first.close()
            #expect(try second.tryLock())
        }
    }

    @Test("refuses a file that was closed", arguments: DiskUnderTest.allCases)
    func refusesClosed(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            let file = try disk.open("\(folder)/a", .createNew)
            file.close()
            file.close()
            #expect(failure { _ = try file.size() } == .failed)
            #expect(failure { try file.sync() } == .failed)
            #expect(failure { try file.writeAll([1], at: 0) } == .failed)
        }
    }

    @Test("syncs many files in one call, each with its own result in its place", arguments: DiskUnderTest.allCases)
    func syncsMany(_ which: DiskUnderTest) async throws {
        try await which.use { disk, folder in
            let files = try (0..<40).map { try disk.open("\(folder)/\($0)", .createNew) }
            for file in files { try file.writeAll([1], at: 0) }
            files[17].close()
            let results = await disk.synced(files)
            #expect(results.count == 40)
            for (index, result) in results.enumerated() { #expect((try? result.get()) != nil || index == 17) }
            #expect((try? results[17].get()) == nil)
            #expect(await disk.synced([]).isEmpty)
            try files[0].sync()
        }
    }

    @Test("runs every background job once", arguments: DiskUnderTest.allCases)
    func runsJobs(_ which: DiskUnderTest) async throws {
        try await which.use { disk, _ in
            let ran = Journal<Int>()
            await withCheckedContinuation { continuation in
                let countdown = Countdown(100) { continuation.resume() }
                for job in 0..<100 {
                    disk.background {
                        ran.add(job)
                        countdown.countDown()
                    }
                }
            }
            #expect(ran.values.sorted() == Array(0..<100))
        }
    }
}
