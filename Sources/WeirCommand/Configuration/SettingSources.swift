import TOMLKit
import WeirRuntime

/// The values given for a node's settings, with the place each came from: a later place wins.
struct SettingSources: Sendable {
    /// A value and where it was given.
    struct Given: Sendable, Hashable {
        var value: String
        var place: String
    }

    /// By key.
    private(set) var given: [String: Given] = [:]
    private let known: [String: Setting]

    /// Nothing is given yet; only keys of `settings` may be.
    init(settings: [Setting] = Setting.all) {
        known = Dictionary(settings.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The value given for `key`, or its default.
    func value(_ key: String) -> Given? {
        if let value = given[key] { return value }
        return known[key]?.standard.map { Given(value: $0, place: "the default") }
    }

    /// The values given under `prefix`, without it.
    func values(under prefix: String) -> [String: String] {
        var values: [String: String] = [:]
        for (key, value) in given where key.hasPrefix(prefix) {
            values[String(key.dropFirst(prefix.count))] = value.value
        }
        return values
    }

    /// Takes one value.
    mutating func set(_ key: String, to value: String, from place: String) throws(UsageError) {
        guard known[key] != nil else {
            throw UsageError.configuration("\(place): unknown setting '\(key)'\(hint(key, in: known.keys))")
        }
        given[key] = Given(value: value, place: place)
    }

    /// Takes `KEY=VALUE`.
    mutating func set(_ assignment: String, from place: String) throws(UsageError) {
        guard let equals = assignment.firstIndex(of: "=") else {
            throw UsageError.configuration("\(place): '\(assignment)' is not KEY=VALUE")
        }
        let key = String(assignment[..<equals])
        try set(key, to: String(assignment[assignment.index(after: equals)...]), from: place)
    }

    /// Takes the settings of a TOML text.
    mutating func read(toml text: String, from place: String) throws(UsageError) {
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            let begin = error.source.begin
            throw UsageError.configuration("\(place):\(begin.line):\(begin.column): \(error.description)")
        } catch {
            throw UsageError.configuration("\(place): \(error)")
        }
        try read(table, under: "", from: place)
    }

    private mutating func read(_ table: TOMLTable, under prefix: String, from place: String) throws(UsageError) {
        for key in table.keys {
            guard let value = table[key] else { continue }
            let path = prefix + key
            if let inner = value.table {
                try read(inner, under: path + ".", from: place)
            } else if let text = Self.text(value) {
                try set(path, to: text, from: place)
            } else {
                throw UsageError.configuration("\(place): '\(path)' must be a string, a number, a boolean or a list")
            }
        }
    }

    private static func text(_ value: any TOMLValueConvertible) -> String? {
        if let string = value.string { return string }
        if let integer = value.int { return String(integer) }
        if let number = value.double { return String(number) }
        if let boolean = value.bool { return String(boolean) }
        guard let array = value.array else { return nil }
        let parts = array.compactMap { text($0) }
        return parts.count == array.count ? parts.joined(separator: ",") : nil
    }

    /// Takes the variables that begin with `WEIR_`, but for those of the commands (`WEIR_SERVER`, …).
    mutating func read(environment: [String: String]) throws(UsageError) {
        var keys: [String: String] = [:]
        for key in known.keys { keys[Setting.environmentName(for: key)] = key }
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("WEIR_") {
            if let key = keys[name] {
                given[key] = Given(value: value, place: name)
            } else if !Self.isForeign(name) {
                throw UsageError.configuration("environment: unknown variable '\(name)'\(hint(name, in: keys.keys))")
            }
        }
    }

    /// Whether a variable is not a setting: one that the commands and tests read, or one that Kubernetes
    /// makes for a service called `weir` (`WEIR_SERVICE_HOST`, `WEIR_PORT_9092_TCP`).
    private static func isForeign(_ name: String) -> Bool {
        ["WEIR_SERVER", "WEIR_BOOTSTRAP", "WEIR_BINARY", "WEIR_PORT"].contains(name)
            || name.hasPrefix("WEIR_SERVICE_") || name.hasPrefix("WEIR_PORT_") || name.hasPrefix("WEIR_TEST_")
    }

    private func hint(_ name: String, in names: some Sequence<String>) -> String {
        nearestName(to: name, in: names).map { "; did you mean '\($0)'?" } ?? "; see docs/configuration.md"
    }
}
