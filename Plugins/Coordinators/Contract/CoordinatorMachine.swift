public import KafkaWire
public import NIOCore
public import WeirRuntime

/// A coordinator as a pure value: requests and time go in, records and answers come out.
///
/// One machine coordinates what hashes to one partition of an internal topic. Its durable state is what that
/// partition's records say: a machine that replays them has the state again. A shell owns the machine on the
/// partition's loop, appends what it wants appended, and sends an answer only when everything that was appended before
/// it is committed. The machine's state runs ahead of the commit; where an append or a commit fails, the shell drops
/// the machine, refuses whom it had not answered, and replays the log into a new one. (The pattern is that of Kafka's
/// coordinator runtime; no state is ever taken back.)
///
/// Nothing here reads a clock, draws a random number or waits: all of that comes with the input.
public protocol CoordinatorMachine: Sendable {
    /// What clients and the shell ask.
    associatedtype Request: Sendable
    /// What it answers.
    associatedtype Response: Sendable
    /// What the shell is to do elsewhere, once the records of the same step are committed.
    associatedtype Command: Sendable

    /// Whether a request comes to records as a rule. While the log takes none, such a one is refused before its step:
    /// a machine that is ahead of its log would have to go, with what all others wait for.
    static func isRecorded(_ request: Request) -> Bool

    /// Takes in a record of the log, in the log's order, before `begin`.
    ///
    /// Records of formats that are not known are left out, as Kafka does.
    ///
    /// - Parameter producer: Whose transaction the record is part of; nil: of none.
    mutating func replay(_ record: CoordinatorRecord, of producer: ProducerIdentity?) throws(WireError)

    /// Takes in the marker that ends a transaction in the log, before `begin`.
    mutating func replay(_ marker: TransactionEnd)

    /// The log was replayed whole: sessions and other deadlines count from now.
    mutating func begin(at time: CoordinatorTime) -> Effects<Response, Command>

    /// Takes in a request. Each ticket is answered exactly once: in these effects, or in later ones.
    mutating func step(
        _ request: Request, _ ticket: Ticket, at time: CoordinatorTime
    ) -> Effects<Response, Command>

    /// Lets the deadlines pass that are not after `time`. Bounded work: what is left makes `nextDeadline` past.
    mutating func advance(to time: CoordinatorTime) -> Effects<Response, Command>

    /// When `advance` has something to do next; nil: never, as things are. O(1).
    var nextDeadline: MonotonicTime? { get }
}

/// The two times that a machine needs: one to measure with, one to write down.
public struct CoordinatorTime: Sendable, Hashable {
    /// For deadlines.
    public var now: MonotonicTime
    /// Milliseconds since 1970: what records carry, and what survives a restart.
    public var wallMilliseconds: Int64

    /// A moment.
    public init(now: MonotonicTime, wallMilliseconds: Int64) {
        self.now = now
        self.wallMilliseconds = wallMilliseconds
    }
}

/// Who waits for an answer: a number that the shell gave.
public struct Ticket: Sendable, Hashable {
    /// The number.
    public var number: UInt64

    /// The ticket of this number.
    public init(_ number: UInt64) { self.number = number }
}

/// One record of an internal topic, in Kafka's own format.
public struct CoordinatorRecord: Sendable, Hashable {
    /// The key: its version (2 bytes), then its fields.
    public var key: ByteBuffer
    /// The value: its version (2 bytes), then its fields. Nil: a tombstone.
    public var value: ByteBuffer?

    /// A record of these bytes.
    public init(key: ByteBuffer, value: ByteBuffer?) {
        self.key = key
        self.value = value
    }
}

/// A producer, and which incarnation of it (KIP-98).
public struct ProducerIdentity: Sendable, Hashable {
    /// The producer id.
    public var id: Int64
    /// Its epoch: the larger one fences the smaller.
    public var epoch: Int16

    /// The producer `id` in `epoch`.
    public init(id: Int64, epoch: Int16) {
        self.id = id
        self.epoch = epoch
    }
}

/// A transaction's end as one partition's log sees it.
public struct TransactionEnd: Sendable, Hashable {
    /// Whose transaction.
    public var producer: ProducerIdentity
    /// What became of it.
    public var outcome: TransactionOutcome

    /// The end of the producer's transaction.
    public init(producer: ProducerIdentity, outcome: TransactionOutcome) {
        self.producer = producer
        self.outcome = outcome
    }
}

/// What became of a transaction.
public enum TransactionOutcome: Sendable, Hashable {
    /// What it wrote is to be seen.
    case committed
    /// What it wrote is never seen by who reads committed.
    case aborted
}

/// What a step of a machine wants done.
public struct Effects<Response: Sendable, Command: Sendable>: Sendable {
    /// Appended in order, as one batch where they fit. The machine's state has them already.
    public var records: [CoordinatorRecord] = []
    /// Where `records` may be cut into batches, ascending: what stands before a cut counts without what follows. None:
    /// all records or none.
    public private(set) var cuts: [Int] = []
    /// Whose transaction the records are part of; nil: of none, they count at once.
    public var producer: ProducerIdentity?
    /// Who is answered, when `records` and all before them are committed.
    public var responses: [(ticket: Ticket, response: Response)] = []
    /// What is done then.
    public var commands: [Command] = []

    /// Nothing to do.
    public init() {}

    /// Answers one ticket.
    public static func answer(_ ticket: Ticket, _ response: Response) -> Effects {
        var effects = Effects()
        effects.responses.append((ticket, response))
        return effects
    }

    /// What the records say so far counts without those that follow: a part of a clean-up, not half of a change.
    public mutating func cut() {
        guard !records.isEmpty, cuts.last != records.count else { return }
        cuts.append(records.count)
    }

    /// The records in portions of at most `sizeBytesMax`, cut only where they may be: what cannot be cut is larger.
    ///
    /// - Parameter sizeBytesMax: Bytes of keys and values; what a batch adds to them is not counted.
    public func portions(sizeBytesMax: Int) -> [Range<Int>] {
        guard !cuts.isEmpty else { return [records.indices] }
        var portions: [Range<Int>] = []
        var start = 0
        var unit = 0
        var sizeBytes = 0
        for cut in cuts + [records.count] where cut > unit {
            let unitSizeBytes = records[unit..<cut].reduce(0) { sum, record in
                sum + record.key.readableBytes + (record.value?.readableBytes ?? 0)
            }
            if unit > start, sizeBytes + unitSizeBytes > sizeBytesMax {
                portions.append(start..<unit)
                start = unit
                sizeBytes = 0
            }
            sizeBytes += unitSizeBytes
            unit = cut
        }
        if start < records.count { portions.append(start..<records.count) }
        return portions
    }

    /// Adds what another part of the same step wants.
    public mutating func append(_ other: Effects) {
        precondition(
            records.isEmpty || other.records.isEmpty || producer == other.producer,
            "the records of one step are of one transaction, or of none")
        if !other.records.isEmpty { producer = other.producer }
        cuts += other.cuts.map { records.count + $0 }
        records += other.records
        responses += other.responses
        commands += other.commands
    }
}

/// Who sent a request, and in which version.
public struct RequestOrigin: Sendable, Hashable {
    /// The version of the API in which the request came.
    public var version: Int16
    /// What the client calls itself.
    public var clientID: String
    /// The client's address as Kafka writes it: `/127.0.0.1`.
    public var clientHost: String
    /// Who the client is, as Kafka writes it: `User:ANONYMOUS` until clients log in.
    public var principal: String

    /// A client.
    public init(version: Int16, clientID: String, clientHost: String, principal: String = "User:ANONYMOUS") {
        self.version = version
        self.clientID = clientID
        self.clientHost = clientHost
        self.principal = principal
    }
}
