import Raft
import WeirSimulation

/// What is under way between nodes: packets of bytes, on paths that may be slow, cut, or forgetful.
struct Network {
    /// A message under way.
    struct Packet {
        var bytes: [UInt8] = []
        var from: UInt8 = 0
        var to: UInt8 = 0
        /// The connection it was sent on; a reset begins a new one.
        var connection: UInt32 = 0
        /// Deliveries that are planned of it.
        var copies: UInt8 = 0
        /// The index of the snapshot that it carries; 0 none.
        var snapshot: UInt64 = 0
    }

    /// One direction between two nodes.
    struct Path {
        var connection: UInt32 = 0
        var lastArrival = 0
        var underWay = 0
    }

    private(set) var packets: [Packet] = []
    private var free: [UInt32] = []
    private var paths = [Path](repeating: Path(), count: 32 * 32)
    /// Whom each node's messages do not reach.
    private(set) var blocked = [NodeSet](repeating: 0, count: 32)
    /// A kind of message that is lost at the moment.
    var lostKind: Message.Kind?
    private let codec = MessageCodec()

    var isPartitioned: Bool { blocked.contains { $0 != 0 } }

    // MARK: Cutting

    func isBlocked(from: Int, to: Int) -> Bool { blocked[from].has(to) }

    mutating func block(from: Int, _ nodes: NodeSet) { blocked[from] |= nodes }

    mutating func unblockAll() {
        for slot in blocked.indices { blocked[slot] = 0 }
    }

    /// Forgets what is under way on the path.
    mutating func reset(from: Int, to: Int) { paths[from * 32 + to].connection += 1 }

    // MARK: Packets

    func underWay(from: Int, to: Int) -> Int { paths[from * 32 + to].underWay }

    /// Takes in a message; `plan` each of its arrivals.
    mutating func add(_ message: Message, from: Int, to: Int) -> UInt32 {
        let place: UInt32
        if let last = free.popLast() {
            place = last
        } else {
            place = UInt32(packets.count)
            packets.append(Packet())
        }
        packets[Int(place)].bytes.removeAll(keepingCapacity: true)
        codec.encode(message, into: &packets[Int(place)].bytes, payload: Self.write)
        packets[Int(place)].from = UInt8(from)
        packets[Int(place)].to = UInt8(to)
        packets[Int(place)].connection = paths[from * 32 + to].connection
        packets[Int(place)].copies = 0
        packets[Int(place)].snapshot = message.snapshot?.last.index.value ?? 0
        return place
    }

    /// Notes that the packet will arrive, at that time or, on an ordered path, when those before it have.
    mutating func plan(_ place: UInt32, at time: Int, inOrder: Bool) -> Int {
        packets[Int(place)].copies += 1
        let path = Int(packets[Int(place)].from) * 32 + Int(packets[Int(place)].to)
        paths[path].underWay += 1
        guard inOrder else { return time }
        paths[path].lastArrival = max(paths[path].lastArrival, time)
        return paths[path].lastArrival
    }

    /// Takes an arrival out; nil where its connection was reset. The packet must decode: nothing damages it.
    mutating func take(_ place: UInt32) throws(DecodeError) -> Message? {
        let place = Int(place)
        let path = Int(packets[place].from) * 32 + Int(packets[place].to)
        paths[path].underWay -= 1
        packets[place].copies -= 1
        defer { if packets[place].copies == 0 { free.append(UInt32(place)) } }
        guard packets[place].connection == paths[path].connection else { return nil }
        let codec = codec
        let result: Result<Message, DecodeError> = packets[place].bytes.withUnsafeBytes { bytes in
            Result { () throws(DecodeError) in try codec.decode(bytes) { Self.read(bytes, $0) } }
        }
        return try result.get()
    }

    /// A payload's bytes are its handle, and behind it anything.
    private static func write(_ payload: Payload, into bytes: inout [UInt8]) {
        withUnsafeBytes(of: payload.handle.littleEndian) { bytes.append(contentsOf: $0) }
        for _ in 8..<payload.byteCount { bytes.append(0) }
    }

    private static func read(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Payload {
        let handle = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: UInt64.self))
        return Payload(handle: handle, byteCount: range.count)
    }
}
