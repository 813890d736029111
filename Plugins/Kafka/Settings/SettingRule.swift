/// Which values a setting takes, beyond its type; complaints are worded as Kafka words them.
enum SettingRule: Sendable, Hashable {
    case any
    case atLeast(Int64)
    case between(Int64, Int64)
    /// From the second to the third, or the first.
    case equalOrBetween(Int64, Int64, Int64)
    /// From 0 to 1.
    case fraction
    case oneOf([String])
    case listOf([String])
    /// Only `false`.
    case never
    /// Listener addresses: `NAME://host:port`.
    case listeners
    /// Listener addresses that clients can be sent to.
    case advertisedListeners

    /// What is wrong with `value`; nil: nothing.
    func complaint(about value: SettingValue) -> String? {
        switch (self, value) {
        case (.any, _): nil
        case (.atLeast(let low), .integer(let number)):
            number >= low ? nil : "Value must be at least \(low)"
        case (.between(let low, let high), .integer(let number)): Self.outside(low, high, number)
        case (.equalOrBetween(let single, let low, let high), .integer(let number)):
            number == single || (low...high).contains(number)
                ? nil : "Value must be between \(low) and \(high) or equal to \(single)"
        case (.fraction, .double(let number)):
            (0...1).contains(number) ? nil : number < 0 ? "Value must be at least 0" : "Value must be no more than 1"
        case (.oneOf(let choices), .text(let text)):
            choices.contains(text) ? nil : "String must be one of: \(choices.joined(separator: ", "))"
        case (.listOf(let choices), .list(let elements)): Self.complaint(about: elements, choices)
        case (.never, .boolean(let flag)): flag ? "this broker does not have it" : nil
        case (.listeners, .list(let elements)): Self.complaint(aboutListeners: elements)
        case (.advertisedListeners, .list(let elements)): Self.complaint(aboutAdvertised: elements)
        default: preconditionFailure("the table gives \(self) to a setting of another type: \(value)")
        }
    }

    private static func outside(_ low: Int64, _ high: Int64, _ number: Int64) -> String? {
        if number < low { return "Value must be at least \(low)" }
        if number > high { return "Value must be no more than \(high)" }
        return nil
    }

    private static func complaint(about elements: [String], _ choices: [String]) -> String? {
        if elements.contains(where: { !choices.contains($0) }) {
            return "String must be one of: \(choices.joined(separator: ", "))"
        }
        return Set(elements).count == elements.count ? nil : "Configuration must not contain duplicate values"
    }

    private static func complaint(aboutListeners elements: [String]) -> String? {
        guard !elements.isEmpty else { return "at least one listener is needed, such as PLAINTEXT://127.0.0.1:9092" }
        var names: Set<String> = []
        for element in elements {
            guard let listener = Listener(element) else { return Listener.form(element) }
            if let complaint = listener.complaintAboutProtocol { return complaint }
            if !names.insert(listener.name).inserted { return "two listeners are called \(listener.name)" }
        }
        return nil
    }

    private static func complaint(aboutAdvertised elements: [String]) -> String? {
        var names: Set<String> = []
        for element in elements {
            guard let listener = Listener(element) else { return Listener.form(element) }
            if ["", "0.0.0.0", "::"].contains(listener.host) {
                return "\(element) is no address that a client can connect to; give a host name"
            }
            if !names.insert(listener.name).inserted { return "two listeners are called \(listener.name)" }
        }
        return nil
    }
}
