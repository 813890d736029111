/// A fast random generator whose numbers follow from its seed alone: SplitMix64.
///
/// The algorithm of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA
/// 2014). The same seed gives the same numbers on every machine and in every version. Not for secrets.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator whose numbers follow from `seed`; any seed is good.
    public init(seed: UInt64) {
        state = seed
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// True with the given probability; 0 never draws a number, so that faults that are off change no run.
    public mutating func chance(_ probability: Double) -> Bool {
        if probability <= 0 { return false }
        return Double.random(in: 0..<1, using: &self) < probability
    }

    /// A time around `mean`, as of something that may happen at any moment: mostly shorter, rarely many times as long.
    ///
    /// Close to an exponential distribution, from integers alone: the same on every machine.
    public mutating func around(_ mean: Int64) -> Int64 {
        // Half of the words have no leading zero, a quarter one, and so on; the low bits fill the gaps.
        let word = next() | 1 << 16
        let parts = Int64(word.leadingZeroBitCount * 256) + Int64(word & 0xff)
        return mean / 384 * parts + mean % 384 * parts / 384
    }

    /// A generator of its own for a part of the simulation: what it draws does not disturb the others.
    public mutating func split() -> SeededRandom {
        SeededRandom(seed: next())
    }
}
