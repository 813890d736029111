/// Reads regular expressions.
struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0

    /// How deep groups may lie in each other.
    private static let depthMax = 64
    /// How often something may be repeated.
    private static let repeatsMax = 1_000

    init(_ text: String) {
        scalars = Array(text.unicodeScalars)
    }

    mutating func expression() throws(PatternError) -> PatternPiece {
        let piece = try alternatives()
        if peek() != nil { throw error("a ')' has no '('") }
        return piece
    }

    private func peek() -> Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
        guard peek() == scalar else { return false }
        position += 1
        return true
    }

    private func error(_ message: String) -> PatternError { PatternError("\(message) (character \(position + 1))") }

    private mutating func alternatives() throws(PatternError) -> PatternPiece {
        var pieces = [try sequence()]
        while skip("|") { pieces.append(try sequence()) }
        return pieces.count == 1 ? pieces[0] : .either(pieces)
    }

    private mutating func sequence() throws(PatternError) -> PatternPiece {
        var pieces: [PatternPiece] = []
        while let scalar = peek(), scalar != "|", scalar != ")" {
            pieces.append(try repeated(try atom()))
        }
        return .sequence(pieces)
    }

    private mutating func repeated(_ atom: PatternPiece) throws(PatternError) -> PatternPiece {
        var piece = atom
        while let (least, most) = try quantifier() {
            if case .place = atom { throw error("a place cannot be repeated") }
            piece = .repeated(piece, least: least, most: most)
            // Few or many: what is found is found either way.
            _ = skip("?")
            guard peek() != "*", peek() != "+" else { throw error("a repetition cannot be repeated") }
        }
        return piece
    }

    private mutating func quantifier() throws(PatternError) -> (least: Int, most: Int?)? {
        if skip("*") { return (0, nil) }
        if skip("+") { return (1, nil) }
        if skip("?") { return (0, 1) }
        let start = position
        guard skip("{") else { return nil }
        guard let least = number() else { return back(to: start) }
        var most: Int? = least
        if skip(",") { most = number() }
        guard skip("}") else { return back(to: start) }
        guard least <= Self.repeatsMax, most ?? 0 <= Self.repeatsMax else {
            throw error("something can be repeated \(Self.repeatsMax) times at most")
        }
        if let most, most < least { throw error("the bounds of a repetition are in the wrong order") }
        return (least, most)
    }

    /// A brace that begins no repetition stands for itself.
    private mutating func back(to start: Int) -> (Int, Int?)? {
        position = start
        return nil
    }

    private mutating func number() -> Int? {
        var number: Int?
        while let scalar = peek(), ScalarSet.digit.contains(scalar) {
            number = min((number ?? 0) * 10 + Int(scalar.value - 0x30), Self.repeatsMax + 1)
            position += 1
        }
        return number
    }

    private mutating func atom() throws(PatternError) -> PatternPiece {
        guard let scalar = peek() else { throw error("something is missing") }
        position += 1
        switch scalar {
        case "(": return try group()
        case "[": return .one(try set())
        case ".": return .one(.all)
        case "^": return .place(.start)
        case "$": return .place(.end)
        case "\\": return try escape()
        case "*", "+", "?": throw error("there is nothing to repeat")
        default: return .one(ScalarSet(scalar))
        }
    }

    private mutating func group() throws(PatternError) -> PatternPiece {
        if skip("?") { try groupKind() }
        depth += 1
        guard depth <= Self.depthMax else { throw error("more than \(Self.depthMax) groups lie in each other") }
        let piece = try alternatives()
        depth -= 1
        guard skip(")") else { throw error("a ')' is missing") }
        return piece
    }

    /// Nothing is taken out of a text: what a group is called does not matter.
    private mutating func groupKind() throws(PatternError) {
        if skip(":") { return }
        _ = skip("P")
        guard skip("<"), peek() != "=", peek() != "!" else {
            throw error("of '(?' there are only '(?:' and '(?<name>': look-around and flags are not supported")
        }
        while let scalar = peek(), scalar != ">" {
            guard ScalarSet.word.contains(scalar) else { break }
            position += 1
        }
        guard skip(">") else { throw error("a '>' is missing") }
    }

    private mutating func escape() throws(PatternError) -> PatternPiece {
        guard let scalar = peek() else { throw error("something is missing behind '\\'") }
        switch scalar {
        case "b": return place(.wordBoundary)
        case "B": return place(.noWordBoundary)
        case "A": return place(.start)
        case "z": return place(.end)
        default: return .one(try escapedSet())
        }
    }

    private mutating func place(_ place: Pattern.Place) -> PatternPiece {
        position += 1
        return .place(place)
    }

    /// The set behind a backslash.
    private mutating func escapedSet() throws(PatternError) -> ScalarSet {
        guard let scalar = peek() else { throw error("something is missing behind '\\'") }
        position += 1
        switch scalar {
        case "d": return .digit
        case "D": return ScalarSet(ScalarSet.digit.inverted)
        case "w": return .word
        case "W": return ScalarSet(ScalarSet.word.inverted)
        case "s": return .space
        case "S": return ScalarSet(ScalarSet.space.inverted)
        case "t": return ScalarSet("\t")
        case "n": return ScalarSet("\n")
        case "r": return ScalarSet("\r")
        case "f": return ScalarSet("\u{c}")
        case "v": return ScalarSet("\u{b}")
        case "0": return ScalarSet("\0")
        case "x": return ScalarSet(try hexadecimal(2))
        case "u": return ScalarSet(try hexadecimal(4))
        default:
            guard scalar.isASCII, !ScalarSet.word.contains(scalar) else {
                throw error("'\\\(scalar)' is not supported")
            }
            return ScalarSet(scalar)
        }
    }

    private mutating func hexadecimal(_ count: Int) throws(PatternError) -> Unicode.Scalar {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let scalar = peek(), let digit = Character(scalar).hexDigitValue else {
                throw error("a hexadecimal digit is missing")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        guard let scalar = Unicode.Scalar(value) else { throw error("there is no such character") }
        return scalar
    }

    /// The set whose opening bracket was read.
    private mutating func set() throws(PatternError) -> ScalarSet {
        var set = ScalarSet([], isNegated: skip("^"))
        var isFirst = true
        while let scalar = peek() {
            // A bracket that would end an empty set stands for itself.
            if scalar == "]", !isFirst {
                position += 1
                return set
            }
            isFirst = false
            guard peek() != "[" || position + 1 >= scalars.count || scalars[position + 1] != ":" else {
                throw error("'[:name:]' is not supported")
            }
            let low = try setMember()
            guard let first = low.single, peek() == "-", position + 1 < scalars.count, scalars[position + 1] != "]"
            else {
                set.ranges += low.ranges
                continue
            }
            position += 1
            guard let last = try setMember().single, first <= last else {
                throw error("the bounds of a range are in the wrong order")
            }
            set.ranges.append(first...last)
        }
        throw error("a ']' is missing")
    }

    private mutating func setMember() throws(PatternError) -> ScalarSet {
        guard let scalar = peek() else { throw error("a ']' is missing") }
        position += 1
        if scalar != "\\" { return ScalarSet(scalar) }
        if skip("b") { return ScalarSet("\u{8}") }
        return try escapedSet()
    }
}

extension ScalarSet {
    /// The character, where it is only one.
    fileprivate var single: UInt32? {
        guard ranges.count == 1, let range = ranges.first, range.count == 1 else { return nil }
        return range.lowerBound
    }
}
