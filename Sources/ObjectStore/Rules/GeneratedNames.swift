/// Makes uids and names of random bits.
struct NameGenerator: Sendable {
    let randomBits: @Sendable () -> UInt64

    /// How long the given part of a made name may be, so that the whole fits where names are shortest.
    static let prefixLengthMax = 58
    /// Consonants and digits that give no words and are not mistaken for each other, as in Kubernetes.
    private static let letters = Array("bcdfghjklmnpqrstvwxz2456789".utf8)
    private static let hexadecimal = Array("0123456789abcdef".utf8)

    /// A random UUID (RFC 9562, version 4).
    func uid() -> String {
        let high = randomBits() & ~0xF000 | 0x4000
        let low = randomBits() & ~(0b11 << 62) | 0b10 << 62
        return String(unsafeUninitializedCapacity: 36) { buffer in
            var place = 0
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    buffer[place] = UInt8(ascii: "-")
                    place += 1
                }
                let word = digit < 16 ? high : low
                buffer[place] = Self.hexadecimal[Int(word >> UInt64(60 - digit % 16 * 4) & 0xF)]
                place += 1
            }
            return place
        }
    }

    /// A name that begins so, with five random letters behind it.
    func name(_ prefix: String) -> String {
        var bits = randomBits()
        var name = String(prefix.prefix(Self.prefixLengthMax))
        for _ in 0..<5 {
            let (rest, letter) = bits.quotientAndRemainder(dividingBy: UInt64(Self.letters.count))
            name.unicodeScalars.append(Unicode.Scalar(Self.letters[Int(letter)]))
            bits = rest
        }
        return name
    }
}
