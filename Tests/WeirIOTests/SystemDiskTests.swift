import Glibc
import Testing
import WeirIO
import WeirRuntime
import WeirSimulation

@Suite("the system's disk")
struct SystemDiskTests {
    @Test("answers every sync once while many callers sync many files")
    func syncsUnderStress() async throws {
        let folder = try TemporaryFolder()
        let disk = SystemDisk(syncThreadsMax: 6)
        let files = try (0..<12).map { try disk.open("\(folder.path)/\($0)", .createNew) }
        let answers = Journal<Int>()
        await withTaskGroup { group in
            for caller in 0..<8 {
                group.addTask {
                    for round in 0..<30 {
                        let some = Array(files.dropFirst((caller + round) % 12).prefix(1 + round % 7))
                        for file in some { try? file.writeAll([UInt8(caller)], at: Int64(round)) }
                        let results = await disk.synced(some)
                        answers.add(results.count { (try? $0.get()) != nil } == some.count ? 1 : 0)
                    }
                }
            }
        }
        #expect(answers.values.reduce(0, +) == 240)
        disk.shutdown()
    }

    @Test("finishes what it was given when it is shut down, and refuses syncs afterwards")
    func shutsDown() async throws {
        let folder = try TemporaryFolder()
        let file = try SystemDisk().open("\(folder.path)/a", .createNew)
        for _ in 0..<20 {
            let disk = SystemDisk(syncThreadsMax: 3, backgroundThreadsMax: 2)
            let answers = Journal<Bool>()
            let jobs = Journal<Int>()
            for index in 0..<50 {
                disk.sync([file, file]) { results in answers.add(results.allSatisfy { (try? $0.get()) != nil }) }
                disk.background { jobs.add(index) }
            }
            disk.shutdown()
            #expect(answers.values == Array(repeating: true, count: 50))
            #expect(jobs.values.count == 50)
            #expect(await disk.synced([file, file]).allSatisfy { (try? $0.get()) == nil })
            disk.background { jobs.add(50) }
            #expect(jobs.values.count == 51)
            disk.shutdown()
        }
    }

    @Test("runs as many jobs side by side as it has threads, and no more")
    func boundsThreads() async {
        let disk = SystemDisk(backgroundThreadsMax: 3)
        let running = Shared((now: 0, most: 0))
        await withCheckedContinuation { continuation in
            let countdown = Countdown(30) { continuation.resume() }
            let meeting = Meeting(3)
            for _ in 0..<30 {
                disk.background {
                    running.change { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                    // Goes on only once three jobs are here: with fewer threads this would hang.
                    meeting.join()
                    running.change { $0.now -= 1 }
                    countdown.countDown()
                }
            }
        }
        #expect(running.value.most == 3)
        disk.shutdown()
    }

    @Test("syncs while all its background threads are busy")
    func keepsPoolsApart() async throws {
        let folder = try TemporaryFolder()
        let disk = SystemDisk(syncThreadsMax: 1, backgroundThreadsMax: 2)
        let file = try disk.open("\(folder.path)/a", .createNew)
        let gate = Meeting(3)
        for _ in 0..<2 { disk.background { gate.join() } }
        let results = await disk.synced([file])
        #expect((try? results[0].get()) != nil)
        disk.sync([file]) { _ in gate.join() }
        disk.shutdown()
    }

    @Test("says that a full device is full")
    func mapsFull() throws {
        let file = try SystemDisk().open("/dev/full", .existing)
        let thrown = #expect(throws: DiskError.self) { try file.writeAll([1], at: 0) }
        #expect(thrown?.code == .full)
        #expect(thrown?.errno == ENOSPC)
        #expect(thrown?.path == "/dev/full")
    }

    @Test("leaves no descriptor to a program that it starts, nor one behind")
    func closesDescriptors() throws {
        let folder = try TemporaryFolder()
        let disk = SystemDisk()
        var descriptor: Int32 = -1
        do {
            let file = try disk.open("\(folder.path)/a", .createNew)
            descriptor = try #require(openDescriptor(of: file.path))
            #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        }
        #expect(openDescriptor(of: "\(folder.path)/a") == nil)
        #expect(descriptor >= 0)
    }

    private func openDescriptor(of path: String) -> Int32? {
        (0..<1024).first { descriptor in
            var target = [UInt8](repeating: 0, count: 4096)
            let count = readlink("/proc/self/fd/\(descriptor)", &target, target.count)
            return count > 0 && String(decoding: target[..<count], as: UTF8.self) == path
        }.map(Int32.init)
    }

    @Test("zero-fills so that the blocks are there and written")
    func allocates() throws {
        let folder = try TemporaryFolder()
        let file = try SystemDisk().open("\(folder.path)/a", .createNew)
        try file.zeroFill(from: 0, count: 1 << 20)
        try file.sync()
        var status = stat()
        #expect(stat(file.path, &status) == 0)
        #expect(status.st_size == 1 << 20)
        #expect(status.st_blocks * 512 >= 1 << 20)
    }

    @Test("answers like the simulated disk to any calls", arguments: 0..<30)
    func agreesWithSimulation(_ seed: UInt64) throws {
        let folder = try TemporaryFolder()
        let real = SystemDisk()
        let simulated = SimulatedDisk(seed: seed)
        try simulated.createDirectory(folder.path)
        var random = SeededRandom(seed: seed)
        let a = try real.open("\(folder.path)/a", .createNew)
        let b = try simulated.open("\(folder.path)/a", .createNew)
        for step in 0..<80 {
            let offset = Int64.random(in: 0..<20_000, using: &random)
            let count = Int.random(in: 0..<9000, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                let bytes = [UInt8](repeating: UInt8.random(in: 1...255, using: &random), count: count)
                for file in [a, b] { try file.writeAll(bytes, at: offset) }
            case 2: for file in [a, b] { try file.truncate(to: offset) }
            case 3: for file in [a, b] { try file.zeroFill(from: offset, count: Int64(count)) }
            default: for file in [a, b] { try file.sync() }
            }
            #expect(try a.size() == b.size(), "seed \(seed), step \(step)")
            let same = try a.bytes(at: 0, count: 40_000) == b.bytes(at: 0, count: 40_000)
            #expect(same, "seed \(seed), step \(step)")
            if !same { return }
        }
    }
}

/// Lets callers go on in groups: plain threads, so it may block them.
final class Meeting: Sendable {
    private let size: Int
    private let arrived = Shared(0)
    private let semaphore: Semaphore

    init(_ size: Int) {
        self.size = size
        semaphore = Semaphore()
    }

    func join() {
        let isLast = arrived.change { count in
            count += 1
            return count % size == 0
        }
        if isLast {
            for _ in 1..<size { semaphore.signal() }
        } else {
            semaphore.wait()
        }
    }
}

/// A POSIX semaphore. `@unchecked Sendable`: the kernel's object is made for several threads.
private final class Semaphore: @unchecked Sendable {
    private let value = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() {
        sem_init(value, 0, 0)
    }

    deinit {
        sem_destroy(value)
        value.deallocate()
    }

    func signal() {
        sem_post(value)
    }

    func wait() {
        while sem_wait(value) != 0 {}
    }
}
