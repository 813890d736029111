import Synchronization
import Testing
import WeirIO
import WeirRuntime

#if canImport(Glibc)
import Glibc
#endif

/// A folder of the real disk that goes with the value.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/weir-tests-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!).map { String(cString: $0) } }
        path = try #require(made)
    }

    deinit {
        try? SystemDisk().remove(path)
    }
}

extension DiskFile {
    /// Writes all of the bytes, however many calls that takes.
    func writeAll(_ bytes: [UInt8], at offset: Int64) throws {
        try bytes.withUnsafeBytes { all in
            var done = 0
            while done < all.count {
                let rest = UnsafeRawBufferPointer(rebasing: all[done...])
                done += try write(at: offset + Int64(done), [rest])
            }
        }
    }

    /// Up to `count` bytes at `offset`.
    func bytes(at offset: Int64, count: Int) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0xEE, count: count)
        let got = try buffer.withUnsafeMutableBytes { try read(at: offset, into: $0) }
        return Array(buffer[..<got])
    }
}

extension Disk {
    /// `sync`, awaited.
    func synced(_ files: [any DiskFile]) async -> [Result<Void, DiskError>] {
        await withCheckedContinuation { continuation in sync(files) { continuation.resume(returning: $0) } }
    }
}

/// The kind of disk error that the body throws; nil where it throws none.
func failure(_ body: () throws -> Void) -> DiskError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? DiskError)?.code
    }
}

/// Calls back when everything of a known number has happened.
final class Countdown: Sendable {
    private let left: Mutex<Int>
    private let then: @Sendable () -> Void

    init(_ count: Int, then: @escaping @Sendable () -> Void) {
        left = Mutex(count)
        self.then = then
    }

    func countDown() {
        let isLast = left.withLock { left in
            left -= 1
            precondition(left >= 0, "something happened twice")
            return left == 0
        }
        if isLast { then() }
    }
}

/// Values in the order in which they were added, from any thread.
final class Journal<Value: Sendable>: Sendable {
    private let entries = Mutex<[Value]>([])

    var values: [Value] { entries.withLock { $0 } }

    func add(_ value: Value) {
        entries.withLock { $0.append(value) }
    }
}

/// Whether all bytes are zero, fast enough for megabytes in a debug build.
func isZero(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBytes { all in
        guard let start = all.baseAddress, start.load(as: UInt8.self) == 0 else { return all.isEmpty }
        return memcmp(start, start + 1, all.count - 1) == 0
    }
}

/// Something that happened or did not.
final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}

/// A variable that several closures share.
final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) {
        state = Mutex(value)
    }

    var value: Value {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }

    func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        state.withLock { value in body(&value) }
    }
}
