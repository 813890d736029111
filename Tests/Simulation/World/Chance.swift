import WeirSimulation

/// A probability in parts of a million; integer arithmetic, so that it is the same on every machine.
struct Chance: Sendable, Hashable {
    var parts: UInt64

    static let never = Chance(parts: 0)

    init(parts: UInt64) { self.parts = parts }

    /// Of so many per thousand.
    init(perThousand: Int) { parts = UInt64(perThousand) * 1000 }
}

extension SeededRandom {
    /// A number below `count`.
    @inline(__always)
    mutating func below(_ count: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(count)).high)
    }

    /// A number of the range.
    @inline(__always)
    mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    /// Whether it happens; what never happens draws nothing.
    @inline(__always)
    mutating func happens(_ chance: Chance) -> Bool {
        chance.parts > 0 && UInt64(below(1_000_000)) < chance.parts
    }

    /// A time around `mean`: mostly shorter, rarely much longer.
    mutating func around(_ mean: Int) -> Int { Int(around(Int64(mean))) }

    /// One of the elements.
    mutating func element<Element>(of elements: [Element]) -> Element { elements[below(elements.count)] }
}
