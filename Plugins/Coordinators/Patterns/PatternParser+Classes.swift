// Escapes, and classes of characters.
extension PatternParser {
    mutating func parseEscape() throws(SyntaxError) -> PatternNode? {
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
            return .character(.all)
        case "Q":
            position += 1
            return try parseQuoted()
        default:
            if let set = try parseNamedSet() { return .character(set) }
            return .character(literal(try parseEscapedScalar()))
        }
    }

    /// What stands between `\Q` and `\E`; nil: nothing does.
    private mutating func parseQuoted() throws(SyntaxError) -> PatternNode? {
        var nodes: [PatternNode] = []
        while let scalar = peek {
            position += 1
            if scalar == "\\", take("E") { break }
            nodes.append(.character(literal(scalar)))
        }
        guard let last = nodes.popLast() else { return nil }
        // A repetition behind the quotation is one of its last character.
        guard !nodes.isEmpty else { return last }
        return .sequence(nodes + [try parseRepetition(of: last, from: position)])
    }

    /// `\d` and its like, behind the backslash; nil: something else is there.
    private mutating func parseNamedSet() throws(SyntaxError) -> ScalarSet? {
        let set: ScalarSet
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

    private mutating func parseProperty() throws(SyntaxError) -> ScalarSet {
        var isInverted = try next("invalid character class range") == "P"
        var name = ""
        if take("{") {
            if take("^") { isInverted.toggle() }
            while !take("}") { name.unicodeScalars.append(try next("invalid character class range")) }
        } else {
            name.unicodeScalars.append(try next("invalid character class range"))
        }
        let punctuation = ScalarSet("!\"#%&'()*,-./:;?@[\\]_{}")
        let symbols = ScalarSet("$+<=>^`|~")
        let set: ScalarSet
        switch name {
        case "L", "Latin", "Alphabetic": set = .letters
        case "Ll": set = .lower
        case "Lu": set = .upper
        case "N", "Nd": set = .digits
        case "P": set = punctuation
        case "Pc": set = ScalarSet("_")
        case "Pd": set = ScalarSet("-")
        case "S": set = symbols
        case "Z", "Zs": set = ScalarSet(" ")
        case "Any": set = .all
        case "ASCII": set = .ascii
        case "Lt", "Lm", "Lo", "M", "Nl", "No", "Greek", "Cyrillic", "Han": set = ScalarSet()
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
            guard scalar.isASCII, !ScalarSet.letters.union(.digits).contains(scalar.value) else {
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
    mutating func parseClass() throws(SyntaxError) -> ScalarSet {
        let isInverted = take("^")
        var set = ScalarSet()
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
    private mutating func parseRange(from low: Unicode.Scalar) throws(SyntaxError) -> ScalarSet {
        var high = low
        if peek == "-", position + 1 < text.count, text[position + 1] != "]" {
            position += 1
            high = try next("missing closing ]")
            if high == "\\" { high = try parseEscapedScalar() }
            guard low <= high else { throw SyntaxError(reason: "invalid character class range: \(low)-\(high)") }
        }
        return ScalarSet(low.value...high.value)
    }

    /// `[:alpha:]` and its like; nil: something else is there.
    private mutating func parsePOSIXClass() throws(SyntaxError) -> ScalarSet? {
        guard peek == "[", position + 1 < text.count, text[position + 1] == ":" else { return nil }
        var end = position + 2
        while end < text.count, text[end] != ":" { end += 1 }
        guard end + 1 < text.count, text[end + 1] == "]" else { return nil }
        var name = String(String.UnicodeScalarView(text[(position + 2)..<end]))
        let isInverted = name.hasPrefix("^")
        if isInverted { name.removeFirst() }
        let set: ScalarSet
        switch name {
        case "alnum": set = ScalarSet.letters.union(.digits)
        case "alpha": set = .letters
        case "ascii": set = .ascii
        case "blank": set = ScalarSet("\t ")
        case "cntrl": set = ScalarSet(0...31).union(ScalarSet(127...127))
        case "digit": set = .digits
        case "graph": set = ScalarSet(33...126)
        case "lower": set = .lower
        case "print": set = ScalarSet(32...126)
        case "punct": set = ScalarSet(33...126).intersection(ScalarSet.letters.union(.digits).inverted)
        case "space": set = ScalarSet.space.union(ScalarSet("\u{0B}"))
        case "upper": set = .upper
        case "word": set = .word
        case "xdigit": set = ScalarSet("0123456789abcdefABCDEF")
        default: throw SyntaxError(reason: "invalid character class range: [:\(name):]")
        }
        position = end + 2
        return isInverted ? set.inverted : set
    }
}
