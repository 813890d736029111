import Kafka
import Logging
import WeirRuntime

/// Everything that `weir serve` is told: read from file, environment and flags, checked as a whole.
struct NodeConfiguration: Sendable {
    var dataDirectory: String
    var httpHost: String
    var httpPort: Int
    var loopCount: Int?
    var logLevel: Logger.Level
    var exitReport: String?
    var shutdown: ShutdownSettings
    var broker: BrokerSettings

    /// Reads what `sources` give; the error names the setting, the place it came from and what it must be.
    init(_ sources: SettingSources) throws(UsageError) {
        let read = SettingReader(sources: sources)
        dataDirectory = try read.text("data-dir")
        httpHost = try read.text("http.host")
        httpPort = try read.integer("http.port", in: 0...65535)
        let loops = try read.integer("loops", in: 0...1024)
        loopCount = loops == 0 ? nil : loops
        logLevel = try read.choice("log.level", Logger.Level.init(rawValue:), of: Logger.Level.allCases.map(\.rawValue))
        exitReport = sources.value("exit-report")?.value
        shutdown = try ShutdownSettings(read)
        do {
            broker = try BrokerSettings(values: sources.values(under: "kafka."))
        } catch {
            throw UsageError.configuration("kafka.\(error)")
        }
    }
}

/// The times that a shutdown may take.
struct ShutdownSettings: Sendable {
    var propagation: Duration
    var soft: Duration
    var hard: Duration
    var flush: Duration
    var stop: Duration
    var total: Duration
    var drainsFirst: Bool
    var terminationGrace: Duration?

    init(_ read: SettingReader) throws(UsageError) {
        propagation = try read.duration("shutdown.propagation")
        soft = try read.duration("shutdown.soft")
        hard = try read.duration("shutdown.hard")
        flush = try read.duration("shutdown.flush")
        stop = try read.duration("shutdown.stop")
        total = try read.duration("shutdown.total")
        let order = try read.choice(
            "shutdown.order", { ["hand-over-first", "drain-first"].contains($0) ? $0 : nil },
            of: ["hand-over-first", "drain-first"])
        drainsFirst = order == "drain-first"
        terminationGrace =
            read.sources.value("shutdown.termination-grace") == nil
            ? nil : try read.duration("shutdown.termination-grace")
        guard soft <= hard else {
            throw UsageError.configuration("shutdown.soft (\(soft)) must not be longer than shutdown.hard (\(hard))")
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

    func choice<Value>(
        _ key: String, _ read: (String) -> Value?, of names: [String]
    ) throws(UsageError) -> Value {
        guard let value = read(try text(key)) else { throw wrong(key, "one of \(names.joined(separator: ", "))") }
        return value
    }

    private func wrong(_ key: String, _ expected: String) -> UsageError {
        let given = sources.value(key)
        return .configuration("\(key) is '\(given?.value ?? "")' (from \(given?.place ?? "nowhere")); it must be \(expected)")
    }
}

extension Duration {
    /// Reads `250ms`, `10s`, `2m`, `1h`; nil for anything else, and for negative times.
    init?(settingText text: String) {
        let digits = text.prefix { $0.isNumber }
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
