import ObjectStore
import PluginHost
import TOMLKit
import WeirRuntime

/// One `[[plugins]]` of a configuration file.
struct PluginEntry: Sendable, Hashable {
    /// The library; nil: the one of this name that a folder has.
    var path: String?
    /// What to call it; of an entry without a path: which plugin is meant.
    var name: String?
    /// Whether it is loaded.
    var isEnabled = true
    /// The other settings.
    var settings = PluginSettings(path: "")

    private static let keys: Set<String> = [
        "path", "name", "enabled", "required", "timeout", "start-timeout", "max-concurrent", "config", "grants",
    ]

    /// Reads the array that `plugins` is in a file.
    static func read(
        _ value: any TOMLValueConvertible, from place: String
    ) throws(UsageError) -> [PluginEntry] {
        guard let array = value.array else {
            throw UsageError.configuration("\(place): 'plugins' must be a list of tables: write [[plugins]]")
        }
        var entries: [PluginEntry] = []
        for (index, element) in array.enumerated() {
            let place = "\(place): plugins[\(index)]"
            guard let table = element.table else {
                throw UsageError.configuration("\(place) must be a table: write [[plugins]]")
            }
            entries.append(try PluginEntry(PluginTable(table: table, place: place)))
        }
        return entries
    }

    init(path: String? = nil, name: String? = nil) {
        self.path = path
        self.name = name
    }

    private init(_ table: PluginTable) throws(UsageError) {
        try table.refuseOthers(than: Self.keys)
        path = try table.text("path")
        name = try table.text("name")
        guard path != nil || name != nil else {
            throw UsageError.configuration(
                "\(table.place) names no plugin; give path, or name where plugins-directory has it")
        }
        isEnabled = try table.flag("enabled") ?? true
        settings.path = path ?? ""
        settings.isRequired = try table.flag("required") ?? settings.isRequired
        settings.timeout = try table.duration("timeout") ?? settings.timeout
        settings.startTimeout = try table.duration("start-timeout") ?? settings.startTimeout
        settings.maxConcurrent = try table.count("max-concurrent", in: 1...1_024) ?? settings.maxConcurrent
        settings.configuration = try table.json("config") ?? [:]
        settings.grants = try table.grants()
        // Of an entry without a path the name says which plugin is meant, and stays its name.
        settings.name = name
    }
}

/// Typed access to a `[[plugins]]` table; errors name the key.
private struct PluginTable {
    let table: TOMLTable
    let place: String

    func refuseOthers(than known: Set<String>) throws(UsageError) {
        guard let other = table.keys.sorted().first(where: { !known.contains($0) }) else { return }
        let hint = nearestName(to: other, in: known).map { "; did you mean '\($0)'?" } ?? ""
        throw UsageError.configuration("\(place): unknown key '\(other)'\(hint)")
    }

    func text(_ key: String) throws(UsageError) -> String? {
        guard let value = table[key] else { return nil }
        guard let text = value.string, !text.isEmpty else { throw wrong(key, "a string that is not empty") }
        return text
    }

    func flag(_ key: String) throws(UsageError) -> Bool? {
        guard let value = table[key] else { return nil }
        guard let flag = value.bool else { throw wrong(key, "true or false") }
        return flag
    }

    func duration(_ key: String) throws(UsageError) -> Duration? {
        guard let text = try text(key) else { return nil }
        guard let duration = Duration(settingText: text), duration > .zero else {
            throw wrong(key, "a time such as 500ms, 10s or 2m")
        }
        return duration
    }

    func count(_ key: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let value = table[key] else { return nil }
        guard let count = value.int, range.contains(count) else {
            throw wrong(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return count
    }

    func json(_ key: String) throws(UsageError) -> JSONValue? {
        guard let value = table[key] else { return nil }
        guard value.table != nil else { throw wrong(key, "a table: write [plugins.config]") }
        return JSONValue(toml: value)
    }

    func grants() throws(UsageError) -> PluginSettings.Grants {
        guard let value = table["grants"] else { return .listed([]) }
        if value.string == "needs" { return .asNeeded }
        guard let list = JSONValue(toml: value).arrayValue else {
            throw wrong("grants", "a list of tables, or \"needs\" for all that the plugin asks for")
        }
        do {
            return .listed(try Grant.read(list, in: "grants"))
        } catch {
            throw UsageError.configuration("\(place): \(error.message)")
        }
    }

    private func wrong(_ key: String, _ expected: String) -> UsageError {
        .configuration("\(place): '\(key)' must be \(expected)")
    }
}

extension JSONValue {
    /// The value that a TOML value is in JSON; dates become strings.
    init(toml value: any TOMLValueConvertible) {
        if let table = value.table {
            var members: [String: JSONValue] = [:]
            for key in table.keys { members[key] = table[key].map { JSONValue(toml: $0) } }
            self = .object(members)
        } else if let array = value.array {
            self = .array(array.map { JSONValue(toml: $0) })
        } else if let string = value.string {
            self = .string(string)
        } else if let integer = value.int {
            self = .integer(Int64(integer))
        } else if let number = value.double {
            self = .number(number)
        } else if let boolean = value.bool {
            self = .bool(boolean)
        } else {
            self = .string(value.debugDescription)
        }
    }
}
