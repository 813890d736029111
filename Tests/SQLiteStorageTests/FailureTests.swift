import GRDB
import ObjectStore
import Testing
import WeirIO
import WeirRuntime
import WeirSimulation

@testable import SQLiteStorage

@Suite("What SQLite's errors are to callers")
struct FailureTests {
    @Test(
        "they name the file and what to do",
        arguments: [
            (.SQLITE_FULL, .unavailable, "free some"), (.SQLITE_READONLY, .unavailable, "right to write"),
            (.SQLITE_READONLY_DBMOVED, .unavailable, "right to write"), (.SQLITE_CANTOPEN, .unavailable, "its folder"),
            (.SQLITE_NOTADB, .unavailable, "another file"), (.SQLITE_CORRUPT, .unavailable, ".recover"),
            (.SQLITE_IOERR_FSYNC, .unavailable, "open it again"), (.SQLITE_BUSY, .unavailable, "try again"),
            (.SQLITE_BUSY_RECOVERY, .unavailable, "try again"), (.SQLITE_TOOBIG, .badRequest, "larger"),
            (.SQLITE_NOMEM, .unavailable, "memory"), (.SQLITE_ERROR, .internalError, "SQLite says"),
        ] as [(ResultCode, ObjectError.Reason, String)])
    func sentences(_ code: ResultCode, _ reason: ObjectError.Reason, _ advice: String) {
        let error = Failure.described(DatabaseError(resultCode: code), "/data/objects.sqlite")
        #expect(error.reason == reason)
        #expect(error.message.contains("/data/objects.sqlite"))
        #expect(error.message.contains(advice))
    }

    @Test("only a failed sync says that nothing may be written any more")
    func failedSync() {
        #expect(Failure.isFailedSync(DatabaseError(resultCode: .SQLITE_IOERR_FSYNC)))
        #expect(!Failure.isFailedSync(DatabaseError(resultCode: .SQLITE_FULL)))
        #expect(!Failure.isFailedSync(DatabaseError(resultCode: .SQLITE_IOERR_READ)))
    }
}

@Suite("The queue of writes")
struct WriteQueueTests {
    private struct Write: Waiting, Equatable {
        var since: MonotonicTime
        var sizeBytes: Int
    }

    /// A queue of writes that came at 0, 1, 2, …, of ten bytes each.
    private func queue(_ count: Int) -> WriteQueue<Write> {
        var queue = WriteQueue<Write>()
        for turn in 0..<count { queue.append(write(turn)) }
        return queue
    }

    private func write(_ turn: Int) -> Write {
        Write(since: MonotonicTime(nanoseconds: Int64(turn)), sizeBytes: 10)
    }

    private func turns(_ writes: [Write]) -> [Int64] { writes.map(\.since.nanoseconds) }

    @Test("gives groups in order, bounded by number and by size, and at least one")
    func groups() {
        var queue = queue(6)
        #expect(turns(queue.takeGroup(countMax: 2, sizeBytesMax: 1_000)) == [0, 1])
        #expect(turns(queue.takeGroup(countMax: 100, sizeBytesMax: 15)) == [2, 3])
        #expect(turns(queue.takeGroup(countMax: 100, sizeBytesMax: 1)) == [4])
        #expect(turns(queue.takeGroup(countMax: 100, sizeBytesMax: 1_000)) == [5])
        #expect(queue.takeGroup(countMax: 100, sizeBytesMax: 1_000).isEmpty)
    }

    @Test("keeps the order where a group is put back, whatever came meanwhile", arguments: [1, 3, 2_000])
    func putBack(_ countMax: Int) {
        var queue = queue(3_000)
        let group = queue.takeGroup(countMax: countMax, sizeBytesMax: .max)
        queue.append(write(3_000))
        queue.putBack(group)
        #expect(queue.count == 3_001)
        #expect(turns(queue.takeGroup(countMax: .max, sizeBytesMax: .max)) == Array(0...3_000))
    }

    @Test("gives up those that came before a moment, and no others")
    func older() {
        var queue = queue(5)
        #expect(turns(queue.takeOlder(than: MonotonicTime(nanoseconds: 2))) == [0, 1])
        #expect(queue.takeOlder(than: MonotonicTime(nanoseconds: 2)).isEmpty)
        #expect(turns(queue.takeOlder(than: MonotonicTime(nanoseconds: 100))) == [2, 3, 4])
        #expect(queue.count == 0)
    }
}
