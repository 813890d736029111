/// Files, as a port: the real one is in WeirIO, one with faults under a seed in WeirSimulation.
///
/// Paths are absolute or relative to the process's folder, with `/`. Every call is callable from any
/// thread. Calls other than `sync` return when the page cache has answered: `write` and
/// `readCached` may be made on a loop, the others may wait for the device and belong to edges
/// (start, roll, delete) or to reader threads.
public protocol Disk: Sendable {
    /// Opens a file for reading and writing.
    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile

    /// Makes the folder and those above it; no error where it is there. Each new name is durable after
    /// `syncDirectory` of the folder that it is in.
    func createDirectory(_ path: String) throws(DiskError)

    /// The names in a folder, sorted, without `.` and `..`.
    func list(_ path: String) throws(DiskError) -> [String]

    /// What is at the path; nil where nothing is.
    func kind(of path: String) throws(DiskError) -> FileKind?

    /// Renames a file or a folder; a file at `to` is replaced at once. Durable after `syncDirectory`.
    func rename(_ from: String, to: String) throws(DiskError)

    /// Removes a file, or a folder with everything in it. No error where nothing is there.
    func remove(_ path: String) throws(DiskError)

    /// Makes creations, renames and removals in the folder durable. Waits for the device.
    func syncDirectory(_ path: String) throws(DiskError)

    /// Bytes that may still be written to the file system that holds `path`.
    func bytesAvailable(_ path: String) throws(DiskError) -> Int64

    /// Makes what was written to `files` before this call durable, all in one go.
    ///
    /// `then` gets one result a file, in the order of `files`, on an arbitrary thread. Each file's
    /// failure is its own. A failed sync says that written bytes may be lost for good: a second
    /// sync that succeeds does not bring them back (PostgreSQL's "fsyncgate", 2018), so the owner
    /// must stop believing the file.
    func sync(_ files: [any DiskFile], then: @escaping @Sendable ([Result<Void, DiskError>]) -> Void)

    /// Runs a blocking job (a read of the device, a removal) on one of the disk's own threads.
    func background(_ job: @escaping @Sendable () -> Void)
}

/// How a file is opened.
public enum OpenMode: Sendable, Hashable {
    /// It must exist.
    case existing
    /// It is made where it does not exist.
    case createIfMissing
    /// It must not exist.
    case createNew
}

/// What is at a path.
public enum FileKind: Sendable, Hashable {
    /// A regular file.
    case file
    /// A folder.
    case directory
}

/// An open file. Every call is callable from any thread; who closes it makes sure nobody uses it after.
public protocol DiskFile: AnyObject, Sendable {
    /// The path it was opened at.
    var path: String { get }

    /// The file's length in bytes.
    func size() throws(DiskError) -> Int64

    /// Reads up to `buffer.count` bytes at `offset`; fewer only at the end of the file (0: at or past it).
    /// May wait for the device.
    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int

    /// Reads what the page cache holds at `offset`; nil where the device would have to be waited for.
    /// May return fewer bytes than are cached.
    func readCached(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int?

    /// Writes the buffers one after another at `offset`, in one call. Returns how many bytes were
    /// written, which may be fewer than given; the caller goes on from there.
    func write(at offset: Int64, _ buffers: [UnsafeRawBufferPointer]) throws(DiskError) -> Int

    /// Cuts or extends (with zeros, as a hole) the file to `size` bytes.
    func truncate(to size: Int64) throws(DiskError)

    /// Writes zeros from `offset`, so that later writes there change neither the file's length nor
    /// its blocks: a sync then need not wait for the file system's journal.
    func zeroFill(from offset: Int64, count: Int64) throws(DiskError)

    /// Makes what was written durable. Waits for the device: never on a loop.
    func sync() throws(DiskError)

    /// Takes the file's advisory lock for this process; false where another process holds it.
    func tryLock() throws(DiskError) -> Bool

    /// Closes the file. What was not synced stays in the page cache.
    func close()
}

/// Why the disk did not do it.
public struct DiskError: Error, Hashable, CustomStringConvertible {
    /// The kinds that callers tell apart.
    public struct Code: Hashable, Sendable {
        let name: String

        /// Nothing is at the path (ENOENT).
        public static let notFound = Code(name: "notFound")
        /// Something is there already (EEXIST, ENOTEMPTY).
        public static let exists = Code(name: "exists")
        /// The file system or the quota is full (ENOSPC, EDQUOT).
        public static let full = Code(name: "full")
        /// Not allowed (EACCES, EPERM, EROFS).
        public static let denied = Code(name: "denied")
        /// Too many open files (EMFILE, ENFILE).
        public static let tooManyFiles = Code(name: "tooManyFiles")
        /// The device failed (EIO and all others).
        public static let failed = Code(name: "failed")
    }

    /// Which kind of failure.
    public var code: Code
    /// What was tried, e.g. `write`.
    public var operation: String
    /// Where.
    public var path: String
    /// The errno, or 0 where there is none.
    public var errno: Int32

    /// A failure of `operation` at `path`.
    public init(_ code: Code, operation: String, path: String, errno: Int32 = 0) {
        self.code = code
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// One sentence for the operator.
    public var description: String {
        "\(operation) \(path): \(code.name)" + (errno == 0 ? "" : " (errno \(errno))")
    }
}
