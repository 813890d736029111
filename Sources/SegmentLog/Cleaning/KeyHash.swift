/// The secret of a keyed hash.
public struct HashKey: Sendable, Hashable {
    /// Half of its bits.
    public var first: UInt64
    /// The other half.
    public var second: UInt64

    /// A key of 128 bits.
    public init(_ first: UInt64, _ second: UInt64) {
        self.first = first
        self.second = second
    }
}

/// 128 bits that stand for a record's key.
///
/// SipHash-2-4 with 128 bits of output (Aumasson, Bernstein: "SipHash: a fast short-input PRF"; the reference
/// implementation's wide form). Keyed, because two keys of one hash would be taken for one, and the older lost: with a
/// secret nobody can make such keys, and by chance two of 10^9 keys meet once in 10^20 passes.
struct KeyHash: Equatable, Sendable {
    var low: UInt64
    var high: UInt64

    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// The hash of `bytes` under `key`.
    init(_ bytes: UnsafeRawBufferPointer, key: HashKey) {
        var state = SipState(key)
        var position = 0
        while position + 8 <= bytes.count {
            state.take(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)))
            position += 8
        }
        var last = UInt64(truncatingIfNeeded: bytes.count) << 56
        for (index, byte) in bytes[position...].enumerated() { last |= UInt64(byte) << UInt64(8 * index) }
        state.take(last)
        (low, high) = state.finish()
    }
}

private struct SipState {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64

    init(_ key: HashKey) {
        v0 = 0x736f_6d65_7073_6575 ^ key.first
        v1 = 0x646f_7261_6e64_6f6d ^ key.second ^ 0xee
        v2 = 0x6c79_6765_6e65_7261 ^ key.first
        v3 = 0x7465_6462_7974_6573 ^ key.second
    }

    @inline(__always)
    mutating func take(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
    }

    mutating func finish() -> (low: UInt64, high: UInt64) {
        v2 ^= 0xee
        for _ in 0..<4 { round() }
        let low = v0 ^ v1 ^ v2 ^ v3
        v1 ^= 0xdd
        for _ in 0..<4 { round() }
        return (low, v0 ^ v1 ^ v2 ^ v3)
    }

    @inline(__always)
    private mutating func round() {
        v0 = v0 &+ v1
        v1 = Self.rotate(v1, 13) ^ v0
        v0 = Self.rotate(v0, 32)
        v2 = v2 &+ v3
        v3 = Self.rotate(v3, 16) ^ v2
        v0 = v0 &+ v3
        v3 = Self.rotate(v3, 21) ^ v0
        v2 = v2 &+ v1
        v1 = Self.rotate(v1, 17) ^ v2
        v2 = Self.rotate(v2, 32)
    }

    @inline(__always)
    private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
        value &<< count | value &>> (64 &- count)
    }
}
