public import WeirRuntime

/// Paths between nodes that lose, double, delay and reorder packets, as a seed decides.
///
/// For simulations with an event queue of their own: `send` says when a packet will arrive, and the owner
/// calls `receive` then. A path leads one way from one node to another, so that a partition may cut one
/// direction only. Nodes are numbered from 0. A value: confined to its owner, and copied with it.
public struct SimulatedNetwork: Sendable {
    /// A packet under way.
    public struct Packet: Sendable, Hashable {
        /// Names it until its last arrival; then the number may be used again.
        public var number: UInt32

        /// The packet of that number.
        public init(number: UInt32) { self.number = number }
    }

    /// What becomes of a packet.
    public enum Fate: Sendable, Hashable {
        /// It arrives then.
        case arrives(Packet, MonotonicTime)
        /// It arrives twice.
        case arrivesTwice(Packet, MonotonicTime, MonotonicTime)
        /// It is lost, by chance or because its path is full.
        case lost
        /// Its path is cut.
        case cut
    }

    private struct Slot {
        var bytes: [UInt8] = []
        var path = 0
        var connection: UInt32 = 0
        var arrivals: UInt8 = 0
    }

    private struct Path {
        var connection: UInt32 = 0
        var lastArrivalNanoseconds: Int64 = 0
        var underWay = 0
        var isCut = false
        var isSlow = false
    }

    /// What goes wrong from now on.
    public var faults: NetworkFaults
    /// How many nodes there are.
    public let nodeCount: Int
    private var random: SeededRandom
    private var paths: [Path]
    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    private var spare: [[UInt8]] = []

    /// A network between so many nodes, on which nothing is under way.
    public init(nodeCount: Int, seed: UInt64, faults: NetworkFaults = NetworkFaults()) {
        precondition(nodeCount > 0, "a network has nodes")
        self.nodeCount = nodeCount
        self.faults = faults
        random = SeededRandom(seed: seed)
        paths = Array(repeating: Path(), count: nodeCount * nodeCount)
    }

    // MARK: Paths

    /// Whether some path is cut.
    public private(set) var cutCount = 0

    /// Whether nothing gets from one node to the other.
    public func isCut(from: Int, to: Int) -> Bool { paths[path(from, to)].isCut }

    /// Cuts a path, or mends it. What is under way on it still arrives, unless `receive` finds it cut.
    public mutating func setCut(_ isCut: Bool, from: Int, to: Int) {
        let path = path(from, to)
        guard paths[path].isCut != isCut else { return }
        paths[path].isCut = isCut
        cutCount += isCut ? 1 : -1
    }

    /// Mends all paths.
    public mutating func mendAll() {
        guard cutCount > 0 else { return }
        for path in paths.indices { paths[path].isCut = false }
        cutCount = 0
    }

    /// Makes a path slower by `NetworkFaults.slowFactor`.
    public mutating func setSlow(_ isSlow: Bool, from: Int, to: Int) { paths[path(from, to)].isSlow = isSlow }

    /// Ends the connection of a path: what is under way on it never arrives.
    public mutating func reset(from: Int, to: Int) { paths[path(from, to)].connection &+= 1 }

    /// How many arrivals are to come on a path.
    public func underWay(from: Int, to: Int) -> Int { paths[path(from, to)].underWay }

    // MARK: Packets

    /// Sends what `write` appends. It is not called where nothing will arrive.
    public mutating func send(
        from: Int, to: Int, at now: MonotonicTime, _ write: (inout [UInt8]) -> Void
    ) -> Fate {
        let path = path(from, to)
        if paths[path].isCut { return .cut }
        if random.chance(faults.loss) || paths[path].underWay >= faults.pathPacketsMax { return .lost }
        let number = makeSlot(on: path)
        write(&slots[Int(number)].bytes)
        let packet = Packet(number: number)
        let first = plan(number, on: path, at: now)
        guard random.chance(faults.duplication) else { return .arrives(packet, first) }
        return .arrivesTwice(packet, first, plan(number, on: path, at: now))
    }

    /// An arrival of a packet: its bytes; nil where its connection has ended, or its path is cut.
    ///
    /// To be called once for each time that `send` gave. Hand the bytes back with `recycle` to save an allocation.
    public mutating func receive(_ packet: Packet) -> [UInt8]? {
        let number = Int(packet.number)
        precondition(slots[number].arrivals > 0, "a packet arrives as often as was said")
        let path = slots[number].path
        paths[path].underWay -= 1
        slots[number].arrivals -= 1
        let isAlive = slots[number].connection == paths[path].connection && !paths[path].isCut
        guard slots[number].arrivals == 0 else { return isAlive ? slots[number].bytes : nil }
        var bytes: [UInt8] = []
        swap(&bytes, &slots[number].bytes)
        freeSlots.append(packet.number)
        if isAlive { return bytes }
        recycle(bytes)
        return nil
    }

    /// Takes back the bytes of a packet that was received.
    public mutating func recycle(_ bytes: consuming [UInt8]) {
        guard spare.count < 64 else { return }
        spare.append(bytes)
    }

    /// From whom and to whom a packet is under way.
    public func ends(of packet: Packet) -> (from: Int, to: Int) {
        let path = slots[Int(packet.number)].path
        return (path / nodeCount, path % nodeCount)
    }

    private func path(_ from: Int, _ to: Int) -> Int {
        precondition(from >= 0 && from < nodeCount && to >= 0 && to < nodeCount, "a path leads between two nodes")
        return from * nodeCount + to
    }

    private mutating func makeSlot(on path: Int) -> UInt32 {
        let number: UInt32
        if let free = freeSlots.popLast() {
            number = free
        } else {
            number = UInt32(slots.count)
            slots.append(Slot())
        }
        if var bytes = spare.popLast() {
            bytes.removeAll(keepingCapacity: true)
            slots[Int(number)].bytes = bytes
        }
        slots[Int(number)].path = path
        slots[Int(number)].connection = paths[path].connection
        return number
    }

    private mutating func plan(_ number: UInt32, on path: Int, at now: MonotonicTime) -> MonotonicTime {
        slots[Int(number)].arrivals += 1
        paths[path].underWay += 1
        let range = faults.delayNanosecondsMin...max(faults.delayNanosecondsMin, faults.delayNanosecondsMax)
        var delay = faults.delayNanosecondsMin + random.around(faults.delayNanosecondsMean)
        if paths[path].isSlow { delay *= faults.slowFactor }
        var arrival = now.nanoseconds + min(max(delay, range.lowerBound), range.upperBound)
        if faults.order == .asSent {
            arrival = max(arrival, paths[path].lastArrivalNanoseconds)
            paths[path].lastArrivalNanoseconds = arrival
        }
        return MonotonicTime(nanoseconds: arrival)
    }
}
