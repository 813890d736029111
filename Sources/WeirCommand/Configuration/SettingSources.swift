import EmbeddedNode
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
    /// The `[[plugins]]` of the file.
    private(set) var plugins: [PluginEntry] = []
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
            throw UsageError.usage("\(place): '\(assignment)' is not KEY=VALUE, such as log.level=info")
        }
        let key = String(assignment[..<equals])
        try set(key, to: String(assignment[assignment.index(after: equals)...]), from: place)
    }

    /// Takes the settings of the TOML file that `--config` names.
    mutating func read(file: String) throws(UsageError) {
        let text: String
        do {
            text = try TextFile.read(file)
        } catch {
            throw UsageError.configuration("cannot read \(file): \(error.reason); --config names a TOML file")
        }
        try read(toml: text, from: file)
    }

    /// Takes the settings of a TOML text.
    mutating func read(toml text: String, from place: String) throws(UsageError) {
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            let begin = error.source.begin
            throw UsageError.configuration(
                "\(place):\(begin.line):\(begin.column): \(error.description)\(Self.advice(error.description))")
        } catch {
            throw UsageError.configuration("\(place): \(error)")
        }
        try read(table, under: "", from: place)
    }

    /// What helps with the error that a setting makes whose name begins with another's.
    private static func advice(_ reason: String) -> String {
        reason.contains("dotted key") ? "; quote the keys of [kafka], such as \"max.connections\" = 100" : ""
    }

    private mutating func read(_ table: TOMLTable, under prefix: String, from place: String) throws(UsageError) {
        for key in table.keys.sorted() {
            guard let value = table[key] else { continue }
            let path = prefix + key
            if path == "plugins" {
                plugins = try PluginEntry.read(value, from: place)
                continue
            }
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

    /// Takes the variables that begin with `WEIR_`, but for those of the commands (`WEIR_SERVER`, …) and of
    /// Kubernetes.
    mutating func read(environment: [String: String]) throws(UsageError) {
        var keys: [String: String] = [:]
        for key in known.keys { keys[Setting.environmentName(for: key)] = key }
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("WEIR_") {
            if Self.isServiceVariable(name, value) { continue }
            if let key = keys[name] {
                given[key] = Given(value: value, place: name)
            } else if !Self.ofCommands.contains(name) && !name.hasPrefix("WEIR_TEST_") {
                throw UsageError.configuration("environment: unknown variable '\(name)'\(hint(name, in: keys.keys))")
            }
        }
    }

    /// What the commands and the tests read.
    private static let ofCommands: Set<String> = ["WEIR_SERVER", "WEIR_BOOTSTRAP", "WEIR_BINARY"]

    /// Whether Kubernetes made the variable, for a service called `weir` or `weir-…`.
    ///
    /// It puts `…_SERVICE_HOST`, `…_SERVICE_PORT[_NAME]`, `…_PORT` (an URL) and `…_PORT_9092_TCP[_PROTO|_PORT|_ADDR]`
    /// into every container, so that a service called `weir-http` would set the HTTP port.
    private static func isServiceVariable(_ name: String, _ value: String) -> Bool {
        if name.hasSuffix("_SERVICE_HOST") || name.hasSuffix("_SERVICE_PORT") { return true }
        if name.contains("_SERVICE_PORT_") { return true }
        if name.hasSuffix("_PORT"), value.contains("://") { return true }
        let words = name.split(separator: "_")
        return zip(words, words.dropFirst()).contains { number, name in
            Int(number) != nil && ["TCP", "UDP", "SCTP"].contains(name)
        }
    }

    private func hint(_ name: String, in names: some Sequence<String>) -> String {
        nearestName(to: name, in: names).map { "; did you mean '\($0)'?" } ?? "; see docs/configuration.md"
    }
}
