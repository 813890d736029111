import FoundationEssentials
import WeirRuntime

/// What the environment says; every setting has a default that works on a developer's machine.
struct Settings: Sendable {
    /// Where HTTP and WebSocket clients connect; port 0 takes a free one.
    var host = "127.0.0.1"
    var port = 8000
    /// The SQLite file that items end in.
    var database = "web-backend.sqlite"
    /// A Redis server for the cache; nil keeps it in memory.
    var redis: RedisAddress?
    /// Where changes are posted; nil: nowhere.
    var webhook: String?
    /// How long the whole shutdown may take.
    var gracefulTimeout = Duration.seconds(30)
    /// How long each background task may take of it.
    var backgroundTimeout = Duration.seconds(10)
    /// How long the database may take of it to close; kept for it, however stuck everything else is.
    var databaseTimeout = Duration.seconds(5)
    /// How long WebSocket clients have between the announcement and the close.
    var goodbyeGrace = Duration.milliseconds(500)
    /// How often dirty items of the cache are written to the database.
    var flushInterval = Duration.seconds(1)

    /// Reads the environment. Throws a sentence that names the variable and what it must be.
    init(_ environment: [String: String]) throws {
        host = environment["HOST"] ?? host
        if let text = environment["PORT"] {
            guard let port = UInt16(text) else { throw SettingError("PORT is '\(text)'; it must be 0 to 65535") }
            self.port = Int(port)
        }
        database = environment["DATABASE"] ?? database
        redis = try environment["REDIS_URL"].map { try RedisAddress($0) }
        webhook = environment["WEBHOOK_URL"]
        if let webhook, !["http://", "https://"].contains(where: webhook.hasPrefix) {
            throw SettingError("WEBHOOK_URL is '\(webhook)'; it must begin with http:// or https://")
        }
        gracefulTimeout = try Self.seconds("SHUTDOWN_GRACEFUL_TIMEOUT", environment) ?? gracefulTimeout
        backgroundTimeout = try Self.seconds("SHUTDOWN_BACKGROUND_TIMEOUT", environment) ?? backgroundTimeout
        databaseTimeout = try Self.seconds("SHUTDOWN_DB_TIMEOUT", environment) ?? databaseTimeout
        goodbyeGrace = try Self.seconds("WEBSOCKET_GRACE", environment) ?? goodbyeGrace
        flushInterval = try Self.seconds("CACHE_FLUSH_INTERVAL", environment) ?? flushInterval
        guard databaseTimeout < gracefulTimeout else {
            throw SettingError(
                "SHUTDOWN_DB_TIMEOUT is a part of SHUTDOWN_GRACEFUL_TIMEOUT; it must be less, not "
                    + "\(databaseTimeout) of \(gracefulTimeout)")
        }
        guard flushInterval > .zero else { throw SettingError("CACHE_FLUSH_INTERVAL is 0; it must be more") }
    }

    /// The shutdown: everything drains in its order, then what is open is closed; nothing is handed over.
    var shutdown: ShutdownPlan {
        var plan = ShutdownPlan()
        let nothing = Deadlines(soft: .zero, hard: .zero)
        plan.total = gracefulTimeout
        plan.handOver = nothing
        let drainMax = gracefulTimeout - databaseTimeout
        plan.drain = Deadlines(soft: drainMax * 8 / 10, cancel: drainMax * 9 / 10, hard: drainMax, reserved: .zero)
        plan.flush = nothing
        plan.stop = Deadlines(soft: databaseTimeout / 2, hard: databaseTimeout, reserved: databaseTimeout)
        return plan
    }

    /// The deadlines of a background task, from when its turn comes.
    var backgroundDrain: Deadlines {
        Deadlines(
            soft: backgroundTimeout / 2, cancel: backgroundTimeout, hard: backgroundTimeout + .seconds(1))
    }

    private static func seconds(_ name: String, _ environment: [String: String]) throws -> Duration? {
        guard let text = environment[name] else { return nil }
        guard let seconds = Double(text), seconds >= 0, seconds <= 86_400 else {
            throw SettingError("\(name) is '\(text)'; it must be a number of seconds, such as 30")
        }
        return .milliseconds(Int64(seconds * 1000))
    }
}

/// Where a Redis server is: `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`.
struct RedisAddress: Sendable, Hashable {
    var host: String
    var port: Int32
    var user: String?
    var password: String?
    /// The number of one of the server's databases.
    var database = 0

    init(_ url: String) throws {
        // It does not say what it is: there may be a password in it.
        let wrong = SettingError(
            "REDIS_URL must be redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], such as redis://localhost")
        guard let parts = URLComponents(string: url), parts.scheme == "redis", let host = parts.host, !host.isEmpty,
            (1...65_535).contains(parts.port ?? 6379), parts.query == nil, parts.fragment == nil
        else { throw wrong }
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = Int32(parts.port ?? 6379)
        user = parts.user.flatMap { $0.isEmpty ? nil : $0 }
        password = parts.password
        let path = parts.path.drop { $0 == "/" }
        guard user == nil || password != nil, let number = path.isEmpty ? 0 : Int(path), number >= 0 else {
            throw wrong
        }
        database = number
    }
}

/// A setting is not usable; the sentence says what to do.
struct SettingError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
