import Raft
import WeirRuntime
import WeirSimulation

/// Messages on a simulated network: as bytes, as the codec writes them.
struct Network {
    /// A message that came through, or what was lost with it.
    enum Arrival {
        case message(Message)
        /// It does not arrive; with it a snapshot up to that index, 0 none.
        case nothing(snapshot: UInt64)
    }

    /// Nanoseconds in a unit of the simulation's time.
    private static let unit: Int64 = 1000

    private var wires: SimulatedNetwork
    /// The snapshots that packets carry, by the packets' numbers.
    private var snapshots: [UInt64] = []
    /// A kind of message that is lost at the moment.
    var lostKind: Message.Kind?
    private let codec = MessageCodec()

    init(_ plan: Plan, seed: UInt64) {
        var faults = NetworkFaults()
        faults.loss = plan.loss.share
        faults.duplication = plan.duplication.share
        faults.delayNanosecondsMin = Int64(plan.delayFloor) * Self.unit
        faults.delayNanosecondsMean = Int64(plan.delayMean) * Self.unit
        // Nothing is under way for longer than twenty ticks: by then a connection is given up.
        faults.delayNanosecondsMax = Int64(20 * unitsPerTick) * Self.unit
        faults.order = plan.isFIFO ? .asSent : .any
        faults.pathPacketsMax = plan.capacity
        faults.slowFactor = Int64(plan.slowPathFactor)
        wires = SimulatedNetwork(nodeCount: 32, seed: seed, faults: faults)
        for path in 0..<32 * 32 where plan.slowPathMask >> UInt64((path / 32 * 8 + path % 32) & 63) & 1 == 1 {
            wires.setSlow(true, from: path / 32, to: path % 32)
        }
    }

    /// Forgets everything that is under way.
    mutating func resetAll() {
        for from in 0..<32 {
            for to in 0..<32 { wires.reset(from: from, to: to) }
        }
    }

    /// Mends everything and ends all faults.
    mutating func calmDown() {
        wires.mendAll()
        wires.faults = NetworkFaults()
        wires.faults.delayNanosecondsMean = 50 * Self.unit
        lostKind = nil
    }

    // MARK: Cutting

    var isPartitioned: Bool { wires.cutCount > 0 }

    mutating func cut(from: Int, _ nodes: NodeSet) {
        for to in 0..<32 where nodes.has(to) { wires.setCut(true, from: from, to: to) }
    }

    mutating func mend() { wires.mendAll() }

    mutating func reset(from: Int, to: Int) { wires.reset(from: from, to: to) }

    // MARK: Messages

    mutating func send(_ message: Message, from: Int, to: Int, at now: Int) -> SimulatedNetwork.Fate {
        let codec = codec
        let fate = wires.send(from: from, to: to, at: MonotonicTime(nanoseconds: Int64(now) * Self.unit)) { bytes in
            codec.encode(message, into: &bytes, payload: Self.write)
        }
        switch fate {
        case .arrives(let packet, _), .arrivesTwice(let packet, _, _):
            while snapshots.count <= packet.number { snapshots.append(0) }
            snapshots[Int(packet.number)] = message.snapshot?.last.index.value ?? 0
        case .lost, .cut:
            break
        }
        return fate
    }

    /// The units of the simulation's time, rounded up, at which something arrives.
    static func time(_ time: MonotonicTime) -> Int { Int((time.nanoseconds + unit - 1) / unit) }

    func ends(of number: UInt32) -> (from: Int, to: Int) {
        wires.ends(of: SimulatedNetwork.Packet(number: number))
    }

    /// Takes an arrival out. What arrives must decode: nothing damages it.
    mutating func take(_ number: UInt32) throws(DecodeError) -> Arrival {
        guard let bytes = wires.receive(SimulatedNetwork.Packet(number: number)) else {
            return .nothing(snapshot: snapshots[Int(number)])
        }
        let codec = codec
        let result: Result<Message, DecodeError> = bytes.withUnsafeBytes { bytes in
            Result { () throws(DecodeError) in try codec.decode(bytes) { Self.read(bytes, $0) } }
        }
        wires.recycle(bytes)
        return .message(try result.get())
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

extension Chance {
    /// It as a share of one.
    fileprivate var share: Double { Double(parts) / 1_000_000 }
}
