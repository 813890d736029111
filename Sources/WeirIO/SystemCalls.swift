import CSystemIO
import Glibc

/// The system calls that the ports are made of: EINTR retried, a failure thrown as its errno.
///
/// Nothing here knows paths for messages or `DiskError`; `SystemDisk` and `SystemFile` translate.
enum SystemCall {
    /// What a call left in errno.
    struct Failure: Error {
        let errno: Int32
    }

    /// The most buffers that the kernel takes in one vectored call (`UIO_MAXIOV`).
    static let vectorsMax = 1024

    // MARK: Files

    static func open(_ path: String, flags: Int32, permissions: mode_t = 0o644) throws(Failure) -> Int32 {
        Int32(try retrying { Int(Glibc.open(path, flags | O_CLOEXEC, permissions)) })
    }

    /// Never retried: Linux frees the descriptor whatever the result, and another thread may own it by then.
    static func close(_ descriptor: Int32) {
        _ = Glibc.close(descriptor)
    }

    static func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int64)
        throws(Failure) -> Int
    {
        try retrying { Glibc.pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    static func readCached(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int64)
        throws(Failure) -> Int
    {
        try retrying { weir_pread_cached(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    static func write(_ descriptor: Int32, _ vectors: UnsafeBufferPointer<iovec>, at offset: Int64)
        throws(Failure) -> Int
    {
        try retrying { Glibc.pwritev(descriptor, vectors.baseAddress, Int32(vectors.count), off_t(offset)) }
    }

    static func truncate(_ descriptor: Int32, to size: Int64) throws(Failure) {
        _ = try retrying { Int(Glibc.ftruncate(descriptor, off_t(size))) }
    }

    static func reserve(_ descriptor: Int32, from offset: Int64, count: Int64) throws(Failure) {
        _ = try retrying { Int(weir_reserve(descriptor, off_t(offset), off_t(count))) }
    }

    static func syncContents(_ descriptor: Int32) throws(Failure) {
        _ = try retrying { Int(Glibc.fdatasync(descriptor)) }
    }

    static func sync(_ descriptor: Int32) throws(Failure) {
        _ = try retrying { Int(Glibc.fsync(descriptor)) }
    }

    static func size(_ descriptor: Int32) throws(Failure) -> Int64 {
        var status = stat()
        _ = try retrying { Int(Glibc.fstat(descriptor, &status)) }
        return Int64(status.st_size)
    }

    /// Takes the advisory lock of the open file; false where somebody else has it.
    static func lock(_ descriptor: Int32) throws(Failure) -> Bool {
        do throws(Failure) {
            _ = try retrying { Int(flock(descriptor, LOCK_EX | LOCK_NB)) }
            return true
        } catch {
            guard error.errno == EWOULDBLOCK else { throw error }
            return false
        }
    }

    // MARK: Names

    /// The type bits of what is at the path, a symbolic link followed or not.
    static func type(of path: String, followingLinks: Bool) throws(Failure) -> mode_t {
        var status = stat()
        _ = try retrying { Int(followingLinks ? stat(path, &status) : lstat(path, &status)) }
        return status.st_mode & S_IFMT
    }

    static func makeDirectory(_ path: String) throws(Failure) {
        _ = try retrying { Int(Glibc.mkdir(path, 0o755)) }
    }

    static func rename(_ from: String, to: String) throws(Failure) {
        _ = try retrying { Int(Glibc.rename(from, to)) }
    }

    static func unlink(_ path: String) throws(Failure) {
        _ = try retrying { Int(Glibc.unlink(path)) }
    }

    static func removeDirectory(_ path: String) throws(Failure) {
        _ = try retrying { Int(Glibc.rmdir(path)) }
    }

    /// The names in a folder, in the folder's order, without `.` and `..`.
    static func names(in path: String) throws(Failure) -> [String] {
        guard let directory = Glibc.opendir(path) else { throw Failure(errno: Glibc.errno) }
        defer { Glibc.closedir(directory) }
        var names: [String] = []
        while true {
            Glibc.errno = 0
            guard let entry = Glibc.readdir(directory) else { break }
            let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
            let name = String(cString: (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self))
            if name != "." && name != ".." { names.append(name) }
        }
        guard Glibc.errno == 0 else { throw Failure(errno: Glibc.errno) }
        return names
    }

    /// Bytes that an unprivileged process may still write to the file system of the path.
    static func bytesAvailable(_ path: String) throws(Failure) -> Int64 {
        let status = try fileSystem(of: path)
        return bytes(status.f_bavail, of: status)
    }

    /// Bytes of the file system of the path, used or not.
    static func bytesTotal(_ path: String) throws(Failure) -> Int64 {
        let status = try fileSystem(of: path)
        return bytes(status.f_blocks, of: status)
    }

    private static func fileSystem(of path: String) throws(Failure) -> statvfs {
        var status = statvfs()
        _ = try retrying { Int(statvfs(path, &status)) }
        return status
    }

    private static func bytes(_ blocks: fsblkcnt_t, of status: statvfs) -> Int64 {
        let (bytes, overflow) = UInt64(blocks).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }

    // MARK: Time

    /// Nanoseconds of the clock `id`.
    static func nanoseconds(_ id: clockid_t) -> Int64 {
        var time = timespec()
        let result = clock_gettime(id, &time)
        precondition(result == 0, "the kernel has this clock")
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func retrying(_ call: () -> Int) throws(Failure) -> Int {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = Glibc.errno
            guard code == EINTR else { throw Failure(errno: code) }
        }
    }
}
