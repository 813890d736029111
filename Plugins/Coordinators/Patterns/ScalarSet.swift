/// A set of Unicode scalars.
struct ScalarSet: Sendable, Equatable {
    /// One bit for each of 0 to 63, and of 64 to 127.
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    /// Those beyond ASCII: in order, apart from each other.
    private var others: [ClosedRange<UInt32>] = []

    private static let otherMin: UInt32 = 128
    private static let otherMax: UInt32 = 0x10ffff

    init() {}

    init(_ range: ClosedRange<UInt32>) {
        var scalar = range.lowerBound
        while scalar <= min(range.upperBound, Self.otherMin - 1) {
            insert(scalar)
            scalar += 1
        }
        if range.upperBound >= Self.otherMin { others = [max(range.lowerBound, Self.otherMin)...range.upperBound] }
    }

    init(_ text: StaticString) {
        text.withUTF8Buffer { for byte in $0 { insert(UInt32(byte)) } }
    }

    static let digits = ScalarSet("0123456789")
    static let lower = ScalarSet("abcdefghijklmnopqrstuvwxyz")
    static let upper = ScalarSet("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    static let letters = lower.union(upper)
    static let word = letters.union(digits).union(ScalarSet("_"))
    static let space = ScalarSet("\t\n\u{0C}\r ")
    static let ascii = ScalarSet(0...127)
    static let all = ScalarSet(0...otherMax)

    func contains(_ scalar: UInt32) -> Bool {
        if scalar < 64 { return low >> UInt64(scalar) & 1 == 1 }
        if scalar < Self.otherMin { return high >> UInt64(scalar - 64) & 1 == 1 }
        return others.contains { $0.contains(scalar) }
    }

    /// Adds one of ASCII.
    private mutating func insert(_ scalar: UInt32) {
        if scalar < 64 { low |= 1 << UInt64(scalar) } else { high |= 1 << UInt64(scalar - 64) }
    }

    func union(_ other: ScalarSet) -> ScalarSet {
        var result = self
        result.low |= other.low
        result.high |= other.high
        result.others = []
        for range in (others + other.others).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard let last = result.others.last, range.lowerBound <= last.upperBound + 1 else {
                result.others.append(range)
                continue
            }
            let upper = max(last.upperBound, range.upperBound)
            result.others[result.others.count - 1] = last.lowerBound...upper
        }
        return result
    }

    func intersection(_ other: ScalarSet) -> ScalarSet {
        inverted.union(other.inverted).inverted
    }

    var inverted: ScalarSet {
        var result = ScalarSet()
        result.low = ~low
        result.high = ~high
        var next = Self.otherMin
        for range in others {
            if next < range.lowerBound { result.others.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= Self.otherMax { result.others.append(next...Self.otherMax) }
        return result
    }

    /// The set with the other case of each letter of ASCII.
    var caseFolded: ScalarSet {
        var result = self
        for scalar in UInt32(97)...122 {
            if contains(scalar) { result.insert(scalar - 32) }
            if contains(scalar - 32) { result.insert(scalar) }
        }
        return result
    }
}
