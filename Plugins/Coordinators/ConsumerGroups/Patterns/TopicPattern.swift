/// A regular expression for names of topics, in the syntax of RE2 that KIP-848 names; a name matches as a whole.
///
/// Clients send these, and the coordinator runs them on its loop. So it is no backtracking matcher: the time is the
/// name's length times the pattern's size, whatever the pattern (Thompson, 1968), and both have limits. Back references
/// and look-around, which need backtracking, are refused, as RE2 refuses them.
///
/// Topics' names are ASCII, and so is what a pattern can match.
struct TopicPattern: Sendable {
    /// Why a text is no pattern.
    struct SyntaxError: Error, Equatable {
        /// What is wrong, for people.
        let reason: String
    }

    /// The longest text that is taken, in bytes.
    static let sizeBytesMax = 4_096
    /// The most steps that a pattern may be made of, repetitions written out.
    static let stepsMax = 1_000

    private let program: [PatternStep]

    /// The pattern that the text says.
    init(_ text: String) throws(SyntaxError) {
        guard text.utf8.count <= Self.sizeBytesMax else {
            throw SyntaxError(reason: "it is longer than \(Self.sizeBytesMax) bytes")
        }
        var parser = PatternParser(text)
        let node = try parser.parse()
        var compiler = PatternCompiler()
        try compiler.compile(node)
        program = compiler.program + [.match]
    }

    /// Whether the whole name matches. O(length of the name × size of the pattern).
    func matches(_ name: String) -> Bool {
        let text = Array(name.utf8)
        var current = PatternThreads(count: program.count)
        var next = PatternThreads(count: program.count)
        add(0, at: 0, of: text, to: &current)
        for position in text.indices {
            guard !current.steps.isEmpty else { return false }
            next.removeAll()
            for step in current.steps {
                guard case .byte(let set) = program[step], set.contains(text[position]) else { continue }
                add(step + 1, at: position + 1, of: text, to: &next)
            }
            swap(&current, &next)
        }
        return current.steps.contains(program.count - 1)
    }

    /// Follows the steps that take no byte.
    private func add(_ start: Int, at position: Int, of text: [UInt8], to threads: inout PatternThreads) {
        threads.pending.append(start)
        while let step = threads.pending.popLast() {
            guard threads.insert(step) else { continue }
            switch program[step] {
            case .byte, .match: threads.steps.append(step)
            case .jump(let target): threads.pending.append(target)
            case .split(let first, let second):
                threads.pending.append(second)
                threads.pending.append(first)
            case .require(let condition):
                if condition.holds(at: position, of: text) { threads.pending.append(step + 1) }
            }
        }
    }
}

/// Where a match may stand after some bytes: each step at most once.
private struct PatternThreads {
    private var isSeen: [Bool]
    private var seen: [Int] = []
    var steps: [Int] = []
    var pending: [Int] = []

    init(count: Int) { isSeen = Array(repeating: false, count: count) }

    mutating func insert(_ step: Int) -> Bool {
        guard !isSeen[step] else { return false }
        isSeen[step] = true
        seen.append(step)
        return true
    }

    mutating func removeAll() {
        for step in seen { isSeen[step] = false }
        seen.removeAll(keepingCapacity: true)
        steps.removeAll(keepingCapacity: true)
    }
}

/// One step of a compiled pattern.
enum PatternStep: Sendable, Equatable {
    /// Takes a byte of the set, and goes on with the next step.
    case byte(ASCIISet)
    /// Goes on with the next step where the condition holds.
    case require(PatternCondition)
    /// Goes on there.
    case jump(Int)
    /// Goes on at either.
    case split(Int, Int)
    /// The end.
    case match
}

/// What may be asked of a place between two bytes.
enum PatternCondition: Sendable, Equatable {
    case start
    case end
    case wordBoundary
    case noWordBoundary

    func holds(at position: Int, of text: [UInt8]) -> Bool {
        switch self {
        case .start: return position == 0
        case .end: return position == text.count
        case .wordBoundary, .noWordBoundary:
            let before = position > 0 && ASCIISet.word.contains(text[position - 1])
            let after = position < text.count && ASCIISet.word.contains(text[position])
            return (before != after) == (self == .wordBoundary)
        }
    }
}

/// A set of ASCII characters.
struct ASCIISet: Sendable, Equatable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    init() {}

    init(_ range: ClosedRange<UInt8>) {
        for byte in range { insert(byte) }
    }

    init(_ text: StaticString) {
        text.withUTF8Buffer { for byte in $0 { insert(byte) } }
    }

    static let digits = ASCIISet("0123456789")
    static let lower = ASCIISet("abcdefghijklmnopqrstuvwxyz")
    static let upper = ASCIISet("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    static let letters = lower.union(upper)
    static let word = letters.union(digits).union(ASCIISet("_"))
    static let space = ASCIISet("\t\n\u{0C}\r ")
    static let all = ASCIISet(0...127)

    func contains(_ byte: UInt8) -> Bool {
        guard byte < 128 else { return false }
        return byte < 64 ? low >> UInt64(byte) & 1 == 1 : high >> UInt64(byte - 64) & 1 == 1
    }

    mutating func insert(_ byte: UInt8) {
        guard byte < 128 else { return }
        if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte - 64) }
    }

    func union(_ other: ASCIISet) -> ASCIISet {
        var result = self
        result.low |= other.low
        result.high |= other.high
        return result
    }

    func intersection(_ other: ASCIISet) -> ASCIISet {
        inverted.union(other.inverted).inverted
    }

    var inverted: ASCIISet {
        var result = self
        result.low = ~low
        result.high = ~high
        return result
    }

    /// The set with the other case of each letter.
    var caseFolded: ASCIISet {
        var result = self
        for byte in UInt8(ascii: "a")...UInt8(ascii: "z") {
            if contains(byte) { result.insert(byte - 32) }
            if contains(byte - 32) { result.insert(byte) }
        }
        return result
    }
}
