import Synchronization
import WeirRuntime
import WeirSimulation

/// Values in the order in which they were added, from any thread.
final class Journal<Value: Sendable>: Sendable {
    private let entries = Mutex<[Value]>([])

    var values: [Value] { entries.withLock { $0 } }

    func add(_ value: Value) {
        entries.withLock { $0.append(value) }
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

extension SimulatedDisk {
    /// A file with this content, durable with its name.
    @discardableResult
    func makeDurable(_ path: String, _ bytes: [UInt8]) throws -> any DiskFile {
        let file = try open(path, .createIfMissing)
        try file.writeAll(bytes, at: 0)
        try file.sync()
        try syncDirectory("/")
        return file
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
