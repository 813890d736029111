import Testing
import WeirRuntime
import WeirSimulation

@Suite("a sync that takes its time")
struct PendingSyncTests {
    private func disk() throws -> (SimulatedDisk, any DiskFile) {
        let disk = SimulatedDisk(seed: 2)
        disk.faults.survivingContent = 0...0
        return (disk, try disk.makeDurable("/a", [1]))
    }

    @Test("makes durable what was written before it began, and only when it ends")
    func endsLate() throws {
        let (disk, file) = try disk()
        try file.writeAll([2], at: 0)
        let pending = disk.beginSync([file])
        try file.writeAll([3], at: 0)
        for result in disk.finishSync(pending) { try result.get() }
        #expect(disk.contents(of: "/a") == [3])
        #expect(disk.crash().contents(of: "/a") == [2])
    }

    @Test("is lost with the power, and fails when it is ended")
    func isLost() throws {
        let (disk, file) = try disk()
        try file.writeAll([2], at: 0)
        let pending = disk.beginSync([file])
        let next = disk.crash()
        #expect(next.contents(of: "/a") == [1])
        #expect(failure { try disk.finishSync(pending)[0].get() } == .failed)
        #expect(next.contents(of: "/a") == [1])
    }

    @Test("fails as was decided when it began, and fails for a file of another disk")
    func fails() throws {
        let (disk, file) = try disk()
        disk.faults.triggers = [.init(.sync)]
        try file.writeAll([2], at: 0)
        let pending = disk.beginSync([file])
        disk.faults.triggers = []
        #expect(failure { try disk.finishSync(pending)[0].get() } == .failed)
        let (_, stranger) = try self.disk()
        #expect(failure { try disk.finishSync(disk.beginSync([stranger]))[0].get() } == .failed)
    }

    @Test("undoes nothing of a later one that ended before it")
    func endsOutOfOrder() throws {
        let (disk, file) = try disk()
        try file.writeAll([2], at: 0)
        let first = disk.beginSync([file])
        try file.writeAll([3], at: 0)
        let second = disk.beginSync([file])
        for result in disk.finishSync(second) { try result.get() }
        for result in disk.finishSync(first) { try result.get() }
        #expect(disk.crash().contents(of: "/a") == [3])
    }
}
