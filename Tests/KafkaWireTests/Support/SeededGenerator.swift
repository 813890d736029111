import FoundationEssentials

/// SplitMix64: the same seed gives the same numbers everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// The seed that a run starts from: `WEIR_SEED`, or a fixed one.
let firstSeed: UInt64 = ProcessInfo.processInfo.environment["WEIR_SEED"].flatMap { UInt64($0) } ?? 20_261_121

/// The seeds of one property: as many as asked for, from ``firstSeed`` on.
func seeds(_ count: Int) -> [UInt64] { (0..<UInt64(count)).map { firstSeed &+ $0 } }
