import CSystemIO
import Glibc
import Synchronization
import WeirRuntime

/// An open file of this machine: one descriptor, closed by `close` or with the last reference.
final class SystemFile: DiskFile {
    let path: String
    private let descriptor: Int32
    private let isOpen = Atomic<Bool>(true)

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        close()
    }

    func size() throws(DiskError) -> Int64 {
        try call("size") { (descriptor) throws(SystemCall.Failure) in try SystemCall.size(descriptor) }
    }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int {
        try call("read") { (descriptor) throws(SystemCall.Failure) in
            // The kernel may stop early (a signal, 2 GiB a call); the port promises that only the end does.
            var done = 0
            while done < buffer.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                let count = try SystemCall.read(descriptor, rest, at: offset + Int64(done))
                if count == 0 { break }
                done += count
            }
            return done
        }
    }

    func readCached(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int? {
        try call("read") { (descriptor) throws(SystemCall.Failure) in
            if buffer.isEmpty { return 0 }
            do throws(SystemCall.Failure) {
                let count = try SystemCall.readCached(descriptor, buffer, at: offset)
                // Linux 5.9 and 5.10 may answer 0 before the end (preadv2(2), BUGS).
                if count == 0, offset < (try SystemCall.size(descriptor)) { return nil }
                return count
            } catch {
                // Some file systems refuse the flag: then every read waits on another thread.
                if error.errno == EAGAIN || error.errno == EOPNOTSUPP { return nil }
                throw error
            }
        }
    }

    func write(at offset: Int64, _ buffers: [UnsafeRawBufferPointer]) throws(DiskError) -> Int {
        try call("write") { (descriptor) throws(SystemCall.Failure) in
            var written = 0
            var next = 0
            while next < buffers.count {
                let chunk = buffers[next..<min(next + SystemCall.vectorsMax, buffers.count)]
                let wanted = chunk.reduce(0) { $0 + $1.count }
                next = chunk.endIndex
                if wanted == 0 { continue }
                do throws(SystemCall.Failure) {
                    let count = try writeVectors(descriptor, chunk, at: offset + Int64(written))
                    written += count
                    if count < wanted { break }
                } catch {
                    // What was written before is told; the caller meets the failure when it goes on.
                    if written > 0 { break }
                    throw error
                }
            }
            return written
        }
    }

    func truncate(to size: Int64) throws(DiskError) {
        try call("truncate") { (descriptor) throws(SystemCall.Failure) in
            try SystemCall.truncate(descriptor, to: size)
        }
    }

    func zeroFill(from offset: Int64, count: Int64) throws(DiskError) {
        if count == 0 { return }
        try call("zeroFill") { (descriptor) throws(SystemCall.Failure) in
            let sizeBefore = try SystemCall.size(descriptor)
            do throws(SystemCall.Failure) {
                try reserve(descriptor, from: offset, count: count)
                try writeZeros(descriptor, from: offset, count: count)
            } catch {
                // All or nothing: blocks reserved or filled past the old end are given back.
                if offset + count > sizeBefore { try? SystemCall.truncate(descriptor, to: sizeBefore) }
                throw error
            }
        }
    }

    func sync() throws(DiskError) {
        try call("sync") { (descriptor) throws(SystemCall.Failure) in try SystemCall.syncContents(descriptor) }
    }

    func tryLock() throws(DiskError) -> Bool {
        try call("lock") { (descriptor) throws(SystemCall.Failure) in try SystemCall.lock(descriptor) }
    }

    func close() {
        let wasOpen = isOpen.exchange(false, ordering: .acquiringAndReleasing)
        if wasOpen { SystemCall.close(descriptor) }
    }

    /// Refuses after `close`: the number may by then be another file's.
    private func call<Value>(
        _ operation: String, _ body: (Int32) throws(SystemCall.Failure) -> Value
    ) throws(DiskError) -> Value {
        guard isOpen.load(ordering: .relaxed) else {
            throw DiskError(errno: EBADF, operation: operation, path: path)
        }
        return try naming(operation, path) { () throws(SystemCall.Failure) in try body(descriptor) }
    }

    private func writeVectors(
        _ descriptor: Int32, _ buffers: ArraySlice<UnsafeRawBufferPointer>, at offset: Int64
    ) throws(SystemCall.Failure) -> Int {
        let outcome: Result<Int, SystemCall.Failure> = withUnsafeTemporaryAllocation(
            of: iovec.self, capacity: buffers.count
        ) { vectors in
            for (slot, buffer) in buffers.enumerated() {
                let start = UnsafeMutableRawPointer(mutating: buffer.baseAddress)
                vectors.initializeElement(at: slot, to: iovec(iov_base: start, iov_len: buffer.count))
            }
            do throws(SystemCall.Failure) {
                return .success(try SystemCall.write(descriptor, UnsafeBufferPointer(vectors), at: offset))
            } catch {
                return .failure(error)
            }
        }
        let count = try outcome.get()
        // The caller would go round for ever.
        guard count > 0 else { throw SystemCall.Failure(errno: EIO) }
        return count
    }

    /// Asks for the blocks first, so that a full disk says so before anything is written.
    private func reserve(_ descriptor: Int32, from offset: Int64, count: Int64) throws(SystemCall.Failure) {
        do throws(SystemCall.Failure) {
            try SystemCall.reserve(descriptor, from: offset, count: count)
        } catch {
            guard error.errno == EOPNOTSUPP else { throw error }
        }
    }

    /// Writes real zeros: reserved blocks alone stay marked as unwritten, and every first write to one
    /// would go through the file system's journal.
    private func writeZeros(_ descriptor: Int32, from offset: Int64, count: Int64) throws(SystemCall.Failure) {
        let end = offset + count
        var position = offset
        let zeros = UnsafeRawBufferPointer(Self.zeros)
        while position < end {
            var left = end - position
            var buffers: [UnsafeRawBufferPointer] = []
            while left > 0 && buffers.count < 64 {
                let size = Int(min(left, Int64(zeros.count)))
                buffers.append(UnsafeRawBufferPointer(rebasing: zeros[..<size]))
                left -= Int64(size)
            }
            position += Int64(try writeVectors(descriptor, buffers[...], at: position))
        }
    }

    /// Zeros for `zeroFill`, shared and never written.
    nonisolated(unsafe) private static let zeros: UnsafeMutableRawBufferPointer = {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 4096)
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        return buffer
    }()
}
