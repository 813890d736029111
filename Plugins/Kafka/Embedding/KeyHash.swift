/// How Kafka's clients hash keys, so that a record is found where they would put it.
enum KeyHash {
    /// MurmurHash2 as Kafka's `Utils.murmur2` has it.
    static func murmur2(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let key = Array(bytes)
        let multiplier: UInt32 = 0x5BD1_E995
        var hash: UInt32 = 0x9747_B28C ^ UInt32(truncatingIfNeeded: key.count)
        var index = 0
        while index + 4 <= key.count {
            var word = (0..<4).reduce(UInt32(0)) { $0 | UInt32(key[index + $1]) << (8 * UInt32($1)) }
            word = word &* multiplier
            word ^= word >> 24
            word = word &* multiplier
            hash = hash &* multiplier ^ word
            index += 4
        }
        if index < key.count {
            for (place, byte) in key[index...].enumerated() { hash ^= UInt32(byte) << (8 * UInt32(place)) }
            hash = hash &* multiplier
        }
        hash ^= hash >> 13
        hash = hash &* multiplier
        return hash ^ hash >> 15
    }
}
