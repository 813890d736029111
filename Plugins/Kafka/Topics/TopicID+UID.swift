internal import KafkaWire
package import SegmentLog

extension TopicID {
    /// The id as an object's uid: lower-case hexadecimal, in groups of 8-4-4-4-12 (RFC 9562).
    package var uid: String {
        let digits = Self.hexadecimal(high) + Self.hexadecimal(low)
        var text = ""
        for (position, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(position) { text.append("-") }
            text.append(digit)
        }
        return text
    }

    /// Reads a uid; nil where it is none.
    package init?(uid: String) {
        let digits = uid.filter { $0 != "-" }
        guard uid.utf8.count == 36, digits.utf8.count == 32,
            let high = UInt64(digits.prefix(16), radix: 16), let low = UInt64(digits.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }

    /// A new id of random bits, in the form of a UUID of version 4, and like Kafka's ids none whose text
    /// begins with `-`, which command lines would take for an option.
    static func random(_ bits: () -> UInt64) -> TopicID {
        while true {
            let high = bits() & 0xffff_ffff_ffff_0fff | 0x4000
            let low = bits() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
            if high >> 58 != 62 { return TopicID(high: high, low: low) }
        }
    }

    private static func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension WireUUID {
    /// The topic id on the wire.
    init(_ id: TopicID) { self.init(high: id.high, low: id.low) }
}

extension TopicID {
    /// The topic id from the wire.
    init(_ id: WireUUID) { self.init(high: id.high, low: id.low) }
}
