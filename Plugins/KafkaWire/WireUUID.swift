/// A UUID as Kafka sends it: sixteen bytes, written by people as 22 characters of URL-safe base64.
public struct WireUUID: Hashable, Sendable {
    /// The first eight bytes, big-endian.
    public var high: UInt64
    /// The last eight bytes, big-endian.
    public var low: UInt64

    /// The UUID of these two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// All bits zero, which Kafka uses for "no id".
    public static let zero = WireUUID(high: 0, low: 0)

    /// Whether this is "no id".
    public var isZero: Bool { high == 0 && low == 0 }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
}

extension WireUUID: LosslessStringConvertible {
    /// Kafka's text form: URL-safe base64 without padding.
    public var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(22)
        // 128 bits are 21 groups of six and two bits, which the last group has at its upper end.
        for shift in stride(from: 122, through: 2, by: -6) {
            text.append(Self.alphabet[Int(truncatingIfNeeded: bits(from: shift) & 0x3f)])
        }
        text.append(Self.alphabet[Int(truncatingIfNeeded: (low & 0x3) << 4)])
        return String(decoding: text, as: UTF8.self)
    }

    /// The UUID that `description` stands for; nil when it is not 22 characters of URL-safe base64.
    public init?(_ description: String) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        let characters = Array(description.utf8)
        guard characters.count == 22 else { return nil }
        for (position, character) in characters.enumerated() {
            guard let index = Self.alphabet.firstIndex(of: character) else { return nil }
            let isLast = position == 21
            if isLast, index & 0xf != 0 { return nil }
            let width: UInt64 = isLast ? 2 : 6
            high = high << width | low >> (64 - width)
            low = low << width | UInt64(isLast ? index >> 4 : index)
        }
        self.init(high: high, low: low)
    }

    private func bits(from shift: Int) -> UInt64 {
        if shift >= 64 { return high >> UInt64(shift - 64) }
        if shift == 0 { return low }
        return low >> UInt64(shift) | high << UInt64(64 - shift)
    }
}
