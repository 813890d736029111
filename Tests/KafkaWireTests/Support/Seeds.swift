import FoundationEssentials

/// The seed that a run starts from: `WEIR_SEED`, or a fixed one.
let firstSeed: UInt64 = ProcessInfo.processInfo.environment["WEIR_SEED"].flatMap { UInt64($0) } ?? 20_261_121

/// The seeds of one property: as many as asked for, from ``firstSeed`` on.
func seeds(_ count: Int) -> [UInt64] { (0..<UInt64(count)).map { firstSeed &+ $0 } }
