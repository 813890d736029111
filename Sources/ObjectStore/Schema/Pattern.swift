/// A regular expression, as schemas have them in `pattern`: found in a text in time that its length and the
/// expression's bound together, whatever both are.
///
/// It is what RE2 and ECMAScript have in common: classes, groups, alternatives, repetition, anchors and word
/// boundaries; no look-around and no references back, which cannot be bounded. The method is Thompson's: all ways
/// through the expression are followed at once, one character after another.
struct Pattern: Sendable {
    /// A step of a way through the expression.
    enum Instruction: Sendable {
        /// One character of a set.
        case one(ScalarSet)
        /// Two ways from here.
        case split(Int, Int)
        /// On at another place.
        case jump(Int)
        /// Only here.
        case assert(Place)
        /// The end: it was found.
        case match
    }

    /// Something between two characters.
    enum Place: Sendable {
        case start
        case end
        case wordBoundary
        case noWordBoundary
    }

    /// How many instructions an expression may take.
    static let instructionsMax = 5_000

    let text: String
    private let program: [Instruction]

    /// Reads an expression.
    init(_ text: String) throws(PatternError) {
        self.text = text
        var parser = PatternParser(text)
        program = try PatternProgram.instructions(of: try parser.expression())
    }

    /// Whether the expression is found anywhere in a text.
    func isFound(in text: String) -> Bool {
        var search = PatternSearch(count: program.count)
        var before: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if search.begin(program, before: before, after: scalar) { return true }
            search.step(program, over: scalar)
            before = scalar
        }
        return search.begin(program, before: before, after: nil)
    }
}

/// Why a text is no regular expression.
struct PatternError: Error {
    let message: String
    init(_ message: String) { self.message = message }
}

/// The ways that are followed through an expression, between two characters.
private struct PatternSearch {
    /// Where the ways stand: before these instructions, still to be followed up to a character.
    private var waiting: [Int] = []
    /// The instructions that want the next character.
    private var ready: [Int] = []
    private var stack: [Int] = []
    /// In which round an instruction was visited last.
    private var visited: [Int]
    private var round = 0

    init(count: Int) {
        visited = [Int](repeating: 0, count: count)
    }

    /// Begins another way here, and follows all as far as they go without a character.
    ///
    /// - Returns: Whether one of them reached the end.
    mutating func begin(
        _ program: [Pattern.Instruction], before: Unicode.Scalar?, after: Unicode.Scalar?
    ) -> Bool {
        round += 1
        ready.removeAll(keepingCapacity: true)
        waiting.append(0)
        for start in waiting {
            stack.append(start)
            while let index = stack.popLast() {
                guard visited[index] != round else { continue }
                visited[index] = round
                switch program[index] {
                case .one: ready.append(index)
                case .split(let first, let second):
                    stack.append(second)
                    stack.append(first)
                case .jump(let target): stack.append(target)
                case .assert(let place):
                    if Self.isAt(place, before, after) { stack.append(index + 1) }
                case .match: return true
                }
            }
        }
        return false
    }

    mutating func step(_ program: [Pattern.Instruction], over scalar: Unicode.Scalar) {
        waiting.removeAll(keepingCapacity: true)
        for index in ready {
            if case .one(let set) = program[index], set.contains(scalar) { waiting.append(index + 1) }
        }
    }

    private static func isAt(_ place: Pattern.Place, _ before: Unicode.Scalar?, _ after: Unicode.Scalar?) -> Bool {
        switch place {
        case .start: return before == nil
        case .end: return after == nil
        case .wordBoundary, .noWordBoundary:
            let isWordBefore = before.map(ScalarSet.word.contains) ?? false
            let isWordAfter = after.map(ScalarSet.word.contains) ?? false
            return (isWordBefore != isWordAfter) == (place == .wordBoundary)
        }
    }
}

/// Some characters.
struct ScalarSet: Sendable {
    var ranges: [ClosedRange<UInt32>]
    var isNegated = false

    init(_ ranges: [ClosedRange<UInt32>], isNegated: Bool = false) {
        self.ranges = ranges
        self.isNegated = isNegated
    }

    init(_ scalar: Unicode.Scalar) { ranges = [scalar.value...scalar.value] }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        for range in ranges where range.contains(scalar.value) { return !isNegated }
        return isNegated
    }

    /// All characters that are not in the set, as ranges.
    var inverted: [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
            next = max(next, range.upperBound + 1)
        }
        if next <= 0x10_ffff { result.append(next...0x10_ffff) }
        return result
    }

    static let digit = ScalarSet([0x30...0x39])
    static let word = ScalarSet([0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a])
    static let space = ScalarSet([0x09...0x0d, 0x20...0x20])
    static let all = ScalarSet([0x0a...0x0a], isNegated: true)
}

/// An expression as it is read.
indirect enum PatternPiece {
    case one(ScalarSet)
    case place(Pattern.Place)
    case sequence([PatternPiece])
    case either([PatternPiece])
    case repeated(PatternPiece, least: Int, most: Int?)
}

/// Makes instructions of an expression.
struct PatternProgram {
    private var instructions: [Pattern.Instruction] = []
    /// How many pieces were added: repeated empty ones leave no instruction, but take time.
    private var pieceCount = 0

    static func instructions(of piece: PatternPiece) throws(PatternError) -> [Pattern.Instruction] {
        var program = PatternProgram()
        try program.add(piece)
        try program.append(.match)
        return program.instructions
    }

    private mutating func append(_ instruction: Pattern.Instruction) throws(PatternError) {
        guard instructions.count < Pattern.instructionsMax else { throw PatternError("is too large") }
        instructions.append(instruction)
    }

    private mutating func add(_ piece: PatternPiece) throws(PatternError) {
        pieceCount += 1
        guard pieceCount <= 4 * Pattern.instructionsMax else { throw PatternError("is too large") }
        switch piece {
        case .one(let set): try append(.one(set))
        case .place(let place): try append(.assert(place))
        case .sequence(let pieces): for piece in pieces { try add(piece) }
        case .either(let pieces): try addEither(pieces)
        case .repeated(let piece, let least, let most):
            for _ in 0..<least { try add(piece) }
            if let most { try addOptional(piece, times: most - least) } else { try addLoop(piece) }
        }
    }

    private mutating func addEither(_ pieces: [PatternPiece]) throws(PatternError) {
        var ends: [Int] = []
        for (index, piece) in pieces.enumerated() {
            guard index < pieces.count - 1 else {
                try add(piece)
                break
            }
            let split = instructions.count
            try append(.match)
            try add(piece)
            ends.append(instructions.count)
            try append(.match)
            instructions[split] = .split(split + 1, instructions.count)
        }
        for end in ends { instructions[end] = .jump(instructions.count) }
    }

    private mutating func addOptional(_ piece: PatternPiece, times: Int) throws(PatternError) {
        var splits: [Int] = []
        for _ in 0..<times {
            splits.append(instructions.count)
            try append(.match)
            try add(piece)
        }
        for split in splits { instructions[split] = .split(split + 1, instructions.count) }
    }

    private mutating func addLoop(_ piece: PatternPiece) throws(PatternError) {
        let split = instructions.count
        try append(.match)
        try add(piece)
        try append(.jump(split))
        instructions[split] = .split(split + 1, instructions.count)
    }
}
