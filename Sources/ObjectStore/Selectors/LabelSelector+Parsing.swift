extension LabelSelector: CustomStringConvertible {
    /// Reads kubectl's form: `app=shop,tier!=back,zone in (a, b),zone notin (c),canary,!old`. Empty: everything.
    ///
    /// - Throws: `ObjectError.badRequest`, which says what was expected, and where.
    public init(parsing text: String) throws(ObjectError) {
        var parser = LabelSelectorParser(text)
        self.init(try parser.selector())
    }

    /// The form that `init(parsing:)` reads.
    public var description: String { requirements.map(\.description).joined(separator: ",") }
}

extension LabelSelector.Requirement: CustomStringConvertible {
    /// The form that a selector's text has it in.
    public var description: String {
        switch self {
        case .isIn(let key, let values): Self.text(key, values, one: "=", several: "in")
        case .isNotIn(let key, let values): Self.text(key, values, one: "!=", several: "notin")
        case .exists(let key): key
        case .doesNotExist(let key): "!\(key)"
        }
    }

    private static func text(_ key: String, _ values: Set<String>, one: String, several: String) -> String {
        if values.count == 1, let value = values.first { return "\(key)\(one)\(value)" }
        return "\(key) \(several) (\(values.sorted().joined(separator: ",")))"
    }
}

/// Takes the text of a label selector apart.
private struct LabelSelectorParser {
    private let text: String
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) {
        self.text = text
        bytes = Array(text.utf8)
    }

    mutating func selector() throws(ObjectError) -> [LabelSelector.Requirement] {
        var requirements: [LabelSelector.Requirement] = []
        if peek() == nil { return requirements }
        while true {
            requirements.append(try requirement())
            guard let byte = peek() else { return requirements }
            guard byte == UInt8(ascii: ",") else { throw expected("',' or the end") }
            position += 1
        }
    }

    private mutating func requirement() throws(ObjectError) -> LabelSelector.Requirement {
        if skip("!") { return .doesNotExist(try key()) }
        let key = try key()
        if peek() == nil || peek() == UInt8(ascii: ",") { return .exists(key) }
        if skip("!=") { return .isNotIn(key, [try value()]) }
        if skip("==") || skip("=") { return .isIn(key, [try value()]) }
        if peek() == UInt8(ascii: ">") || peek() == UInt8(ascii: "<") {
            throw expected("'=', '!=', 'in' or 'notin': labels are not compared as numbers")
        }
        switch word() {
        case "in": return .isIn(key, try values())
        case "notin": return .isNotIn(key, try values())
        default: throw expected("'=', '!=', 'in', 'notin' or ',' behind '\(key)'")
        }
    }

    private mutating func key() throws(ObjectError) -> String {
        let key = word()
        guard !key.isEmpty else { throw expected("a label's name") }
        if let problem = ObjectRules.problem(ofLabelName: key) {
            throw ObjectError(.badRequest, "the label selector '\(text)' names the label '\(key)': \(problem)")
        }
        return key
    }

    private mutating func value() throws(ObjectError) -> String {
        let value = word()
        if let problem = ObjectRules.problem(ofLabelValue: value) {
            throw ObjectError(.badRequest, "the label selector '\(text)' has the value '\(value)': \(problem)")
        }
        return value
    }

    private mutating func values() throws(ObjectError) -> Set<String> {
        guard skip("(") else { throw expected("'('") }
        if peek() == UInt8(ascii: ")") { throw expected("a value") }
        var values: Set<String> = []
        while true {
            values.insert(try value())
            if skip(")") { return values }
            guard skip(",") else { throw expected("',' or ')'") }
        }
    }

    /// The next byte that is no blank.
    private mutating func peek() -> UInt8? {
        while position < bytes.count, isBlank(bytes[position]) { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    private mutating func skip(_ mark: StaticString) -> Bool {
        _ = peek()
        guard position + mark.utf8CodeUnitCount <= bytes.count else { return false }
        for index in 0..<mark.utf8CodeUnitCount where bytes[position + index] != mark.utf8Start[index] {
            return false
        }
        position += mark.utf8CodeUnitCount
        return true
    }

    /// What goes up to a blank or a mark; may be empty.
    private mutating func word() -> String {
        _ = peek()
        let start = position
        let marks = Array("(),=!<>".utf8)
        while position < bytes.count, !isBlank(bytes[position]), !marks.contains(bytes[position]) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private func expected(_ what: String) -> ObjectError {
        let place = position < bytes.count ? "at character \(position + 1)" : "at its end"
        return ObjectError(.badRequest, "the label selector '\(text)' needs \(what) \(place)")
    }
}
