/// Reads the syntax of RE2, as far as it can match ASCII.
struct PatternParser {
    typealias SyntaxError = TopicPattern.SyntaxError

    /// The flags of `(?i)` that hold for what follows.
    private struct Flags {
        var ignoresCase = false
        var dotTakesNewline = false
    }

    private let text: [Unicode.Scalar]
    private var position = 0
    private var flags = Flags()
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

    private var peek: Unicode.Scalar? { position < text.count ? text[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        position += 1
        return true
    }

    private mutating func next(_ missing: String) throws(SyntaxError) -> Unicode.Scalar {
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
        case "[": return .byte(try parseClass())
        case ".": return .byte(flags.dotTakesNewline ? .all : ASCIISet("\n").inverted)
        case "^": return .condition(.start)
        case "$": return .condition(.end)
        case "*", "+", "?": throw SyntaxError(reason: "missing argument to repetition operator: \(scalar)")
        case "\\": return try parseEscape()
        default: return .byte(literal(scalar))
        }
    }

    private func literal(_ scalar: Unicode.Scalar) -> ASCIISet {
        var set = ASCIISet()
        // What is not ASCII is in no topic's name.
        if scalar.isASCII { set.insert(UInt8(scalar.value)) }
        return flags.ignoresCase ? set.caseFolded : set
    }
}

// MARK: Repetition

extension PatternParser {
    private mutating func parseRepetition(
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

// MARK: Groups

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
            guard scalar.isASCII, ASCIISet.word.contains(UInt8(scalar.value)) else {
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

// MARK: Escapes and classes

extension PatternParser {
    private mutating func parseEscape() throws(SyntaxError) -> PatternNode? {
        switch peek {
        case "A":
            position += 1
            return .condition(.start)
        case "z":
            position += 1
            return .condition(.end)
        case "b":
            position += 1
            return .condition(.wordBoundary)
        case "B":
            position += 1
            return .condition(.noWordBoundary)
        case "C":
            position += 1
            return .byte(.all)
        case "Q":
            position += 1
            return parseQuoted()
        default:
            if let set = try parseNamedSet() { return .byte(set) }
            return .byte(literal(try parseEscapedScalar()))
        }
    }

    /// What stands between `\Q` and `\E`; nil: nothing does.
    private mutating func parseQuoted() -> PatternNode? {
        var nodes: [PatternNode] = []
        while let scalar = peek {
            position += 1
            if scalar == "\\", take("E") { break }
            nodes.append(.byte(literal(scalar)))
        }
        guard let last = nodes.popLast() else { return nil }
        // A repetition behind the quotation is one of its last character.
        guard !nodes.isEmpty, let repeated = try? parseRepetition(of: last, from: position) else { return last }
        return .sequence(nodes + [repeated])
    }

    /// `\d` and its like, behind the backslash; nil: something else is there.
    private mutating func parseNamedSet() throws(SyntaxError) -> ASCIISet? {
        let set: ASCIISet
        switch peek {
        case "d": set = .digits
        case "D": set = .digits.inverted
        case "w": set = .word
        case "W": set = .word.inverted
        case "s": set = .space
        case "S": set = .space.inverted
        case "p", "P": return try parseProperty()
        default: return nil
        }
        position += 1
        return set
    }

    private mutating func parseProperty() throws(SyntaxError) -> ASCIISet {
        var isInverted = try next("invalid character class range") == "P"
        var name = ""
        if take("{") {
            if take("^") { isInverted.toggle() }
            while !take("}") { name.unicodeScalars.append(try next("invalid character class range")) }
        } else {
            name.unicodeScalars.append(try next("invalid character class range"))
        }
        let punctuation = ASCIISet("!\"#%&'()*,-./:;?@[\\]_{}")
        let symbols = ASCIISet("$+<=>^`|~")
        let set: ASCIISet
        switch name {
        case "L", "Latin", "Alphabetic": set = .letters
        case "Ll": set = .lower
        case "Lu": set = .upper
        case "N", "Nd": set = .digits
        case "P": set = punctuation
        case "Pc": set = ASCIISet("_")
        case "Pd": set = ASCIISet("-")
        case "S": set = symbols
        case "Z", "Zs": set = ASCIISet(" ")
        case "Any", "ASCII": set = .all
        case "Lt", "Lm", "Lo", "M", "Nl", "No", "Greek", "Cyrillic", "Han": set = ASCIISet()
        default: throw SyntaxError(reason: "invalid character class range: \\p{\(name)}")
        }
        return isInverted ? set.inverted : set
    }

    /// The character that an escape stands for, behind the backslash.
    private mutating func parseEscapedScalar() throws(SyntaxError) -> Unicode.Scalar {
        let scalar = try next("trailing backslash at end of expression")
        switch scalar {
        case "a": return "\u{07}"
        case "f": return "\u{0C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "v": return "\u{0B}"
        case "x": return try parseHexadecimal()
        case "0": return try parseOctal()
        default:
            guard scalar.isASCII, !ASCIISet.letters.union(.digits).contains(UInt8(scalar.value)) else {
                throw SyntaxError(reason: "invalid escape sequence: \\\(scalar)")
            }
            return scalar
        }
    }

    private mutating func parseHexadecimal() throws(SyntaxError) -> Unicode.Scalar {
        var digits = ""
        if take("{") {
            while !take("}") { digits.unicodeScalars.append(try next("invalid escape sequence: \\x{")) }
        } else {
            for _ in 0..<2 { digits.unicodeScalars.append(try next("invalid escape sequence: \\x")) }
        }
        guard let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw SyntaxError(reason: "invalid escape sequence: \\x\(digits)")
        }
        return scalar
    }

    private mutating func parseOctal() throws(SyntaxError) -> Unicode.Scalar {
        var value: UInt32 = 0
        for _ in 0..<2 {
            guard let scalar = peek, ("0"..."7").contains(scalar) else { break }
            position += 1
            value = value * 8 + scalar.value - 48
        }
        guard let scalar = Unicode.Scalar(value) else { throw SyntaxError(reason: "invalid escape sequence") }
        return scalar
    }

    /// A class in brackets, behind the first.
    private mutating func parseClass() throws(SyntaxError) -> ASCIISet {
        let isInverted = take("^")
        var set = ASCIISet()
        var isFirst = true
        while isFirst || peek != "]" {
            isFirst = false
            if let posix = try parsePOSIXClass() {
                set = set.union(posix)
                continue
            }
            let start = try next("missing closing ]")
            if start == "\\" {
                if let named = try parseNamedSet() {
                    set = set.union(named)
                    continue
                }
            }
            let low = start == "\\" ? try parseEscapedScalar() : start
            set = set.union(try parseRange(from: low))
        }
        position += 1
        if flags.ignoresCase { set = set.caseFolded }
        return isInverted ? set.inverted : set
    }

    /// The rest of `a-z`, or `a` alone.
    private mutating func parseRange(from low: Unicode.Scalar) throws(SyntaxError) -> ASCIISet {
        var high = low
        if peek == "-", position + 1 < text.count, text[position + 1] != "]" {
            position += 1
            high = try next("missing closing ]")
            if high == "\\" { high = try parseEscapedScalar() }
            guard low <= high else { throw SyntaxError(reason: "invalid character class range: \(low)-\(high)") }
        }
        guard low.isASCII else { return ASCIISet() }
        return ASCIISet(UInt8(low.value)...UInt8(min(high.value, 127)))
    }

    /// `[:alpha:]` and its like; nil: something else is there.
    private mutating func parsePOSIXClass() throws(SyntaxError) -> ASCIISet? {
        guard peek == "[", position + 1 < text.count, text[position + 1] == ":" else { return nil }
        var end = position + 2
        while end < text.count, text[end] != ":" { end += 1 }
        guard end + 1 < text.count, text[end + 1] == "]" else { return nil }
        var name = String(String.UnicodeScalarView(text[(position + 2)..<end]))
        let isInverted = name.hasPrefix("^")
        if isInverted { name.removeFirst() }
        let set: ASCIISet
        switch name {
        case "alnum": set = ASCIISet.letters.union(.digits)
        case "alpha": set = .letters
        case "ascii": set = .all
        case "blank": set = ASCIISet("\t ")
        case "cntrl": set = ASCIISet(0...31).union(ASCIISet(127...127))
        case "digit": set = .digits
        case "graph": set = ASCIISet(33...126)
        case "lower": set = .lower
        case "print": set = ASCIISet(32...126)
        case "punct": set = ASCIISet(33...126).intersection(ASCIISet.letters.union(.digits).inverted)
        case "space": set = ASCIISet.space.union(ASCIISet("\u{0B}"))
        case "upper": set = .upper
        case "word": set = .word
        case "xdigit": set = ASCIISet("0123456789abcdefABCDEF")
        default: throw SyntaxError(reason: "invalid character class range: [:\(name):]")
        }
        position = end + 2
        return isInverted ? set.inverted : set
    }
}
