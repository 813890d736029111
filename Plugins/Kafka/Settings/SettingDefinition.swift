/// One setting as Kafka documents it: name, type, default, what values it takes.
public struct SettingDefinition: Sendable, Hashable {
    /// Kafka's name, without a prefix.
    public let name: String
    /// Kafka's type.
    public let type: SettingType
    /// The value where nobody sets one, in text form; nil: none.
    public let defaultValue: String?
    /// The names asked, in order, where this one is not set.
    public let fallbacks: [String]
    /// Whether a broker's value can be changed while it runs.
    public private(set) var isDynamic = false
    /// Whether the value is a secret, shown to nobody.
    public let isSensitive: Bool
    /// One or two sentences: what the setting does here.
    public let documentation: String
    /// Which values of the type are allowed.
    let rule: SettingRule

    init(
        _ name: String, _ type: SettingType, default defaultValue: String?, _ rule: SettingRule,
        fallbacks: [String] = [], isSensitive: Bool = false, _ documentation: String
    ) {
        self.name = name
        self.type = type
        self.defaultValue = defaultValue
        self.rule = rule
        self.fallbacks = fallbacks
        self.isSensitive = isSensitive
        self.documentation = documentation
    }

    /// The same setting, which can be changed while the broker runs.
    var dynamic: SettingDefinition {
        var changed = self
        changed.isDynamic = true
        return changed
    }

    /// The value that `text` stands for, or why it stands for none, in Kafka's words.
    func parse(_ text: String) throws(SettingError) -> SettingValue {
        let text = text.trimmed
        let value: SettingValue
        switch type {
        case .boolean: value = .boolean(try boolean(text))
        case .int: value = .integer(try integer(text, within: Int64(Int32.min)...Int64(Int32.max)))
        case .short: value = .integer(try integer(text, within: Int64(Int16.min)...Int64(Int16.max)))
        case .long: value = .integer(try integer(text, within: Int64.min...Int64.max))
        case .double: value = .double(try double(text))
        case .list: value = .list(Self.elements(of: text))
        default: value = .text(text)
        }
        if let complaint = rule.complaint(about: value) { throw invalid(text, complaint) }
        return value
    }

    /// The elements of a list value: separated by commas, blanks around them dropped, empty ones left out.
    static func elements(of text: String) -> [String] {
        text.split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty }
    }

    private func boolean(_ text: String) throws(SettingError) -> Bool {
        switch text.lowercased() {
        case "true": return true
        case "false": return false
        default: throw invalid(text, "Expected value to be either true or false")
        }
    }

    private func integer(_ text: String, within range: ClosedRange<Int64>) throws(SettingError) -> Int64 {
        guard let value = Int64(text), range.contains(value) else {
            throw invalid(text, "Not a number of type \(type.name)")
        }
        return value
    }

    private func double(_ text: String) throws(SettingError) -> Double {
        guard let value = Double(text), value.isFinite else {
            throw invalid(text, "Not a number of type \(type.name)")
        }
        return value
    }

    private func invalid(_ text: String, _ complaint: String) -> SettingError {
        let shown = isSensitive ? "[hidden]" : text
        return SettingError(
            .invalidValue, name: name, "Invalid value \(shown) for configuration \(name): \(complaint)")
    }
}

/// Kafka's type of a setting; the raw value is its code in DescribeConfigs (KIP-569).
public struct SettingType: Sendable, Hashable {
    /// The code on the wire.
    public let code: Int8
    /// Kafka's name for it.
    public let name: String

    /// `true` or `false`.
    public static let boolean = SettingType(code: 1, name: "BOOLEAN")
    /// Any text.
    public static let string = SettingType(code: 2, name: "STRING")
    /// A signed number of 32 bits.
    public static let int = SettingType(code: 3, name: "INT")
    /// A signed number of 16 bits.
    public static let short = SettingType(code: 4, name: "SHORT")
    /// A signed number of 64 bits.
    public static let long = SettingType(code: 5, name: "LONG")
    /// A floating-point number.
    public static let double = SettingType(code: 6, name: "DOUBLE")
    /// Texts, separated by commas.
    public static let list = SettingType(code: 7, name: "LIST")
}

/// A setting's value, read as its type says.
enum SettingValue: Sendable, Hashable {
    case boolean(Bool)
    case integer(Int64)
    case double(Double)
    case text(String)
    case list([String])
}

extension String {
    /// The text without blanks at both ends, as Kafka reads values.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }),
            let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
