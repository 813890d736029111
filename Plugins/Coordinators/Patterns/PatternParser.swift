/// Reads the syntax of RE2.
struct PatternParser {
    typealias SyntaxError = TextPattern.SyntaxError

    /// The flags of `(?i)` that hold for what follows.
    struct Flags {
        var ignoresCase = false
        var dotTakesNewline = false
    }

    let text: [Unicode.Scalar]
    var position = 0
    var flags = Flags()
    private var depth = 0
    /// The most groups in each other: the parser calls itself for each.
    private static let depthMax = 100
    /// The most repetitions that may be asked for, as in RE2.
    private static let repetitionsMax = 1_000

    init(_ text: String) { self.text = Array(text.unicodeScalars) }

    /// The whole text as a tree.
    mutating func parse() throws(SyntaxError) -> PatternNode {
        let node = try parseChoice()
        guard position == text.count else { throw SyntaxError(reason: "unexpected )") }
        return node
    }

    var peek: Unicode.Scalar? { position < text.count ? text[position] : nil }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        position += 1
        return true
    }

    mutating func next(_ missing: String) throws(SyntaxError) -> Unicode.Scalar {
        guard let scalar = peek else { throw SyntaxError(reason: missing) }
        position += 1
        return scalar
    }

    private mutating func parseChoice() throws(SyntaxError) -> PatternNode {
        // Flags that are set within a group end with it, also where an alternative sets them.
        var nodes = [try parseSequence()]
        while take("|") { nodes.append(try parseSequence()) }
        return nodes.count == 1 ? nodes[0] : .choice(nodes)
    }

    private mutating func parseSequence() throws(SyntaxError) -> PatternNode {
        var nodes: [PatternNode] = []
        while let scalar = peek, scalar != "|", scalar != ")" {
            let start = position
            guard let atom = try parseAtom() else { continue }
            nodes.append(try parseRepetition(of: atom, from: start))
        }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    /// One atom; nil: something that stands for nothing, such as flags.
    private mutating func parseAtom() throws(SyntaxError) -> PatternNode? {
        let scalar = try next("it ends")
        switch scalar {
        case "(": return try parseGroup()
        case "[": return .character(try parseClass())
        case ".": return .character(flags.dotTakesNewline ? .all : ScalarSet("\n").inverted)
        case "^": return .condition(.start)
        case "$": return .condition(.end)
        case "*", "+", "?": throw SyntaxError(reason: "missing argument to repetition operator: \(scalar)")
        case "\\": return try parseEscape()
        default: return .character(literal(scalar))
        }
    }

    func literal(_ scalar: Unicode.Scalar) -> ScalarSet {
        let set = ScalarSet(scalar.value...scalar.value)
        return flags.ignoresCase ? set.caseFolded : set
    }
}

// How often.
extension PatternParser {
    mutating func parseRepetition(
        of atom: PatternNode, from start: Int
    ) throws(SyntaxError) -> PatternNode {
        guard let (min, max) = try parseCount() else { return atom }
        // Whether as little or as much as possible is taken makes no difference to a whole match.
        _ = take("?")
        let after = position
        if try parseCount() != nil {
            let operators = String(String.UnicodeScalarView(text[start..<position]))
            position = after
            throw SyntaxError(reason: "invalid nested repetition operator: \(operators)")
        }
        return .repetition(atom, min: min, max: max)
    }

    private mutating func parseCount() throws(SyntaxError) -> (min: Int, max: Int?)? {
        switch peek {
        case "*":
            position += 1
            return (0, nil)
        case "+":
            position += 1
            return (1, nil)
        case "?":
            position += 1
            return (0, 1)
        case "{": return try parseBraces()
        default: return nil
        }
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else in braces stands for itself, as in RE2.
    private mutating func parseBraces() throws(SyntaxError) -> (min: Int, max: Int?)? {
        let start = position
        position += 1
        guard let min = parseNumber() else {
            position = start
            return nil
        }
        var max: Int? = min
        if take(",") { max = parseNumber() }
        guard take("}") else {
            position = start
            return nil
        }
        guard min <= Self.repetitionsMax, (max ?? min) <= Self.repetitionsMax, min <= (max ?? min) else {
            throw SyntaxError(reason: "invalid repeat count")
        }
        return (min, max)
    }

    private mutating func parseNumber() -> Int? {
        var number: Int?
        while let scalar = peek, ("0"..."9").contains(scalar) {
            position += 1
            number = min((number ?? 0) * 10 + Int(scalar.value - 48), Self.repetitionsMax + 1)
        }
        return number
    }
}

// Groups and flags.
extension PatternParser {
    private mutating func parseGroup() throws(SyntaxError) -> PatternNode? {
        let outer = flags
        if take("?") {
            if take("P") {
                guard take("<") else { throw SyntaxError(reason: "invalid named capture") }
                try parseName()
            } else if take("<") {
                guard peek != "=", peek != "!" else { throw SyntaxError(reason: "look-behind is not supported") }
                try parseName()
            } else if try !parseFlags() {
                return nil
            }
        }
        guard depth < Self.depthMax else {
            throw SyntaxError(reason: "more than \(Self.depthMax) groups in each other")
        }
        depth += 1
        let node = try parseChoice()
        depth -= 1
        guard take(")") else { throw SyntaxError(reason: "missing closing )") }
        flags = outer
        return node
    }

    private mutating func parseName() throws(SyntaxError) {
        let start = position
        while true {
            let scalar = try next("invalid named capture")
            if scalar == ">" { break }
            guard scalar.isASCII, ScalarSet.word.contains(scalar.value) else {
                throw SyntaxError(reason: "invalid named capture")
            }
        }
        guard position > start + 1 else { throw SyntaxError(reason: "invalid named capture") }
    }

    /// Flags; true: they are those of a group that follows, false: they hold until the end of this one.
    private mutating func parseFlags() throws(SyntaxError) -> Bool {
        var changed = flags
        var value = true
        while true {
            let scalar = try next("missing closing )")
            switch scalar {
            case "i": changed.ignoresCase = value
            case "s": changed.dotTakesNewline = value
            // Names have one line, and how much a repetition takes makes no difference to a whole match.
            case "m", "U": break
            case "-" where value: value = false
            case ":", ")":
                flags = changed
                return scalar == ":"
            case "=", "!": throw SyntaxError(reason: "look-ahead is not supported")
            default: throw SyntaxError(reason: "invalid or unsupported group: (?\(scalar)")
            }
        }
    }
}
