/// A regular expression in the syntax of RE2, which KIP-848 names; a text matches as a whole.
///
/// Clients send these, and they are run on loops. So it is no backtracking matcher: the time is the text's length
/// times the pattern's size, whatever the pattern (Thompson, 1968), and the size has a limit. Back references and
/// look-around, which need backtracking, are refused, as RE2 refuses them.
///
/// Topics' names are ASCII, and so are the letters, digits and cases that a pattern knows: `\p{L}` and `(?i)` are of
/// those. Other characters are matched by themselves, by ranges, by `.` and by what is not something else.
package struct TextPattern: Sendable {
    /// Why a text is no pattern.
    package struct SyntaxError: Error, Equatable {
        /// What is wrong, for people.
        package let reason: String
    }

    /// The longest text that is taken, in bytes.
    static let sizeBytesMax = 4_096
    /// The most steps that a pattern may be made of, repetitions written out.
    static let stepsMax = 1_000

    private let program: [PatternStep]

    /// The pattern that the text says.
    package init(_ text: String) throws(SyntaxError) {
        guard text.utf8.count <= Self.sizeBytesMax else {
            throw SyntaxError(reason: "it is longer than \(Self.sizeBytesMax) bytes")
        }
        var parser = PatternParser(text)
        let node = try parser.parse()
        var compiler = PatternCompiler()
        try compiler.compile(node)
        program = compiler.program + [.match]
    }

    /// Whether the whole text matches. O(length of the text × size of the pattern).
    package func matches(_ name: String) -> Bool {
        let text = name.unicodeScalars.map(\.value)
        var current = PatternThreads(count: program.count)
        var next = PatternThreads(count: program.count)
        add(0, at: 0, of: text, to: &current)
        for position in text.indices {
            guard !current.steps.isEmpty else { return false }
            next.removeAll()
            for step in current.steps {
                guard case .character(let set) = program[step], set.contains(text[position]) else { continue }
                add(step + 1, at: position + 1, of: text, to: &next)
            }
            swap(&current, &next)
        }
        return current.steps.contains(program.count - 1)
    }

    /// Follows the steps that take no character.
    private func add(_ start: Int, at position: Int, of text: [UInt32], to threads: inout PatternThreads) {
        threads.pending.append(start)
        while let step = threads.pending.popLast() {
            guard threads.insert(step) else { continue }
            switch program[step] {
            case .character, .match: threads.steps.append(step)
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

/// Where a match may stand after some characters: each step at most once.
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
    /// Takes a character of the set, and goes on with the next step.
    case character(ScalarSet)
    /// Goes on with the next step where the condition holds.
    case require(PatternCondition)
    /// Goes on there.
    case jump(Int)
    /// Goes on at either.
    case split(Int, Int)
    /// The end.
    case match
}

/// What may be asked of a place between two characters.
enum PatternCondition: Sendable, Equatable {
    case start
    case end
    case wordBoundary
    case noWordBoundary

    func holds(at position: Int, of text: [UInt32]) -> Bool {
        switch self {
        case .start: return position == 0
        case .end: return position == text.count
        case .wordBoundary, .noWordBoundary:
            let before = position > 0 && ScalarSet.word.contains(text[position - 1])
            let after = position < text.count && ScalarSet.word.contains(text[position])
            return (before != after) == (self == .wordBoundary)
        }
    }
}
