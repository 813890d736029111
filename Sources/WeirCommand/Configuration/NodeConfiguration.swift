import Kafka
import Logging
import WeirRuntime

/// Everything that `weir serve` is told: read from file, environment and flags, checked as a whole.
struct NodeConfiguration: Sendable {
    var dataDirectory: String
    var httpHost: String
    var httpPort: Int
    var logLevel: Logger.Level
    var exitReport: String?
    var shutdown: ShutdownPlan
    var broker: BrokerSettings
    var plugins: PluginPlan

    /// Reads what `sources` give; the error names the setting, the place it came from and what it must be.
    init(_ sources: SettingSources) throws(UsageError) {
        let read = SettingReader(sources: sources)
        dataDirectory = try read.text("data-dir")
        httpHost = try read.text("http.host")
        httpPort = try read.integer("http.port", in: 0...65535)
        logLevel = try read.choice("log.level", Logger.Level.init(rawValue:), of: Logger.Level.allCases.map(\.rawValue))
        exitReport = sources.value("exit-report")?.value
        shutdown = try ShutdownPlan(read)
        plugins = PluginPlan(entries: sources.plugins, directory: sources.value("plugins-directory")?.value)
        do {
            broker = try BrokerSettings(values: sources.values(under: "kafka."))
        } catch {
            let place = sources.given["kafka.\(error.name)"].map { " (from \($0.place))" } ?? ""
            throw UsageError.configuration("kafka.\(error.name)\(place): \(error.message)")
        }
    }
}

extension ShutdownPlan {
    /// The plan as configured; every stage's deadlines are checked, and that they fit into the total.
    init(_ read: SettingReader) throws(UsageError) {
        self.init()
        let names = Order.allCases.map(\.rawValue)
        order = try read.choice("shutdown.order", Order.init(rawValue:), of: names)
        propagation = try read.duration("shutdown.propagation")
        handOver = try read.deadlines("shutdown.hand-over")
        drain = try read.deadlines("shutdown.drain")
        flush = try read.deadlines("shutdown.flush")
        stop = try read.deadlines("shutdown.stop")
        total = try read.duration("shutdown.total") + propagation
        if read.sources.value("shutdown.termination-grace") != nil {
            terminationGrace = try read.duration("shutdown.termination-grace")
        }
        do {
            try validate()
        } catch {
            throw UsageError.configuration(error.message)
        }
    }
}

/// Reads typed values out of the sources.
struct SettingReader: Sendable {
    let sources: SettingSources

    func text(_ key: String) throws(UsageError) -> String {
        guard let given = sources.value(key), !given.value.isEmpty else {
            throw UsageError.configuration("\(key) is empty; give it a value")
        }
        return given.value
    }

    func integer(_ key: String, in range: ClosedRange<Int>) throws(UsageError) -> Int {
        let text = try text(key)
        guard let value = Int(text), range.contains(value) else {
            throw wrong(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func duration(_ key: String) throws(UsageError) -> Duration {
        guard let value = Duration(settingText: try text(key)) else {
            throw wrong(key, "a time such as 500ms, 10s or 2m")
        }
        return value
    }

    /// The soft and the hard deadline of a stage: `<key>.soft` and `<key>`.
    func deadlines(_ key: String) throws(UsageError) -> Deadlines {
        let hard = try duration(key)
        let soft = try duration("\(key).soft")
        guard soft <= hard else { throw wrong("\(key).soft", "at most \(key), which is \(try text(key))") }
        return Deadlines(soft: soft, hard: hard)
    }

    func choice<Value>(
        _ key: String, _ read: (String) -> Value?, of names: [String]
    ) throws(UsageError) -> Value {
        guard let value = read(try text(key)) else { throw wrong(key, "one of \(names.joined(separator: ", "))") }
        return value
    }

    private func wrong(_ key: String, _ expected: String) -> UsageError {
        let given = sources.value(key)
        return .configuration(
            "\(key) is '\(given?.value ?? "")' (from \(given?.place ?? "nowhere")); it must be \(expected)")
    }
}

extension Duration {
    /// Reads `250ms`, `10s`, `2m`, `1h`; nil for anything else, and for negative times.
    init?(settingText text: String) {
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard let count = Int64(digits), count >= 0, count <= 1_000_000_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": self = .milliseconds(count)
        case "s": self = .seconds(count)
        case "m": self = .seconds(count * 60)
        case "h": self = .seconds(count * 3600)
        default: return nil
        }
    }
}
