public import WeirRuntime

/// What goes wrong on a `SimulatedDisk`: chances by seed, and failures at chosen calls.
///
/// As made, nothing fails while the machine is up; a power cut still takes what was not synced.
public struct DiskFaults: Sendable, Hashable {
    /// A call that the disk answers.
    public enum Operation: Sendable, Hashable, CaseIterable {
        /// `open`
        case open
        /// `read` and `readCached`
        case read
        /// `write`
        case write
        /// `truncate`
        case truncate
        /// `zeroFill`
        case zeroFill
        /// `sync` of a file, alone or among others
        case sync
        /// `rename`
        case rename
        /// `remove`
        case remove
        /// `createDirectory`
        case createDirectory
        /// `syncDirectory`
        case syncDirectory
    }

    /// A failure at chosen calls.
    public struct Trigger: Sendable, Hashable {
        /// Which calls.
        public var operation: Operation
        /// Only those of paths that end so; empty: of all paths.
        public var pathSuffix: String
        /// The first call that fails, counted from 1 since the trigger was set.
        public var nth: Int
        /// How many fail from there on.
        public var count: Int
        /// What they fail with.
        public var code: DiskError.Code

        /// The `nth` call fails, and the `count - 1` after it.
        public init(
            _ operation: Operation, pathSuffix: String = "", nth: Int = 1, count: Int = 1,
            code: DiskError.Code = .failed
        ) {
            self.operation = operation
            self.pathSuffix = pathSuffix
            self.nth = nth
            self.count = count
            self.code = code
        }
    }

    /// What the page cache holds after a failed sync; on the device is the old content either way.
    public enum FailedSync: Sendable, Hashable {
        /// The new content, marked clean, until it is evicted: ext4, and Linux in general.
        case keepsPages
        /// The old content: what a file system shows that invalidates failed pages.
        case dropsPages
    }

    /// The unit that a power cut takes or leaves whole.
    public enum Atomicity: Int, Sendable, Hashable {
        /// 512 bytes.
        case sector = 512
        /// 4 KiB.
        case page = 4096
    }

    // MARK: Chances, per call

    /// A `write` takes only a part.
    public var shortWrite = 0.0
    /// A `write` fails with EIO and writes nothing.
    public var failedWrite = 0.0
    /// A `read` fails with EIO.
    public var failedRead = 0.0
    /// A `sync` fails with EIO.
    public var failedSync = 0.0
    /// A `readCached` finds nothing in the cache.
    public var uncachedRead = 0.0
    /// A `readCached` gives fewer bytes than are cached.
    public var shortCachedRead = 0.0
    /// After a `write`, the kernel brings some of the file's dirty pages to the device by itself.
    public var writeback = 0.0

    // MARK: What failures do

    /// What is in the page cache after a failed sync.
    public var afterFailedSync = FailedSync.keepsPages
    /// Failures at chosen calls.
    public var triggers: [Trigger] = []
    /// The power goes at this call among all `Operation`s but reads (1: the disk's first); nil: it stays.
    ///
    /// From then on every call fails; `crash` gives the disk of the next start. Going through all
    /// numbers goes through all moments at which the power could go.
    public var powerCutAt: Int?

    // MARK: What a power cut leaves

    /// The unit that is old or new as a whole.
    public var atomicity = Atomicity.sector
    /// How much of each file's unsynced content survives: for each file, a share is drawn from here.
    public var survivingContent = 0.0...1.0
    /// How many unsynced creations, renames and removals survive: for each power cut, a share.
    public var survivingNames = 0.0...1.0
    /// The chance for each file that one bit of its durable content flips.
    public var flippedBit = 0.0

    /// How long `sync` takes where the disk has a simulator.
    public var syncLatency = Duration.microseconds(50)...Duration.milliseconds(5)

    /// Nothing goes wrong while the machine is up.
    public init() {}

    /// Everything that a healthy device and kernel may do: short writes, uncached reads, writeback.
    public static var legal: DiskFaults {
        var faults = DiskFaults()
        faults.shortWrite = 0.1
        faults.uncachedRead = 0.1
        faults.shortCachedRead = 0.1
        faults.writeback = 0.1
        return faults
    }
}
