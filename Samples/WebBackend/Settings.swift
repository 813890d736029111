/// What the environment says; every setting has a default that works on a developer's machine.
struct Settings: Sendable {
    /// Where HTTP and WebSocket clients connect; port 0 takes a free one.
    var host = "127.0.0.1"
    var port = 8000
    /// The SQLite file that items end in.
    var database = "web-backend.sqlite"
    /// A Redis server for the cache (`redis://HOST:PORT`); nil keeps it in memory.
    var redis: RedisAddress?
    /// Where changes are posted; nil: nowhere.
    var webhook: String?
    /// How long the whole shutdown may take.
    var gracefulTimeout = Duration.seconds(30)
    /// How long background tasks may take of it.
    var backgroundTimeout = Duration.seconds(10)
    /// How long the database may take of it.
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
        gracefulTimeout = try Self.seconds("SHUTDOWN_GRACEFUL_TIMEOUT", environment) ?? gracefulTimeout
        backgroundTimeout = try Self.seconds("SHUTDOWN_BACKGROUND_TIMEOUT", environment) ?? backgroundTimeout
        databaseTimeout = try Self.seconds("SHUTDOWN_DB_TIMEOUT", environment) ?? databaseTimeout
        goodbyeGrace = try Self.seconds("WEBSOCKET_GRACE", environment) ?? goodbyeGrace
        flushInterval = try Self.seconds("CACHE_FLUSH_INTERVAL", environment) ?? flushInterval
    }

    private static func seconds(_ name: String, _ environment: [String: String]) throws -> Duration? {
        guard let text = environment[name] else { return nil }
        guard let seconds = Double(text), seconds >= 0, seconds <= 86_400 else {
            throw SettingError("\(name) is '\(text)'; it must be a number of seconds, such as 30")
        }
        return .milliseconds(Int64(seconds * 1000))
    }
}

/// Where a Redis server is: `redis://HOST:PORT`.
struct RedisAddress: Sendable, Hashable {
    var host: String
    var port: Int32

    init(_ url: String) throws {
        let wrong = SettingError("REDIS_URL is '\(url)'; it must be redis://HOST:PORT")
        guard url.hasPrefix("redis://") else { throw wrong }
        let parts = url.dropFirst("redis://".count).split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty, parts.count <= 2 else { throw wrong }
        self.host = String(host)
        port = 6379
        if parts.count == 2 {
            guard let number = Int32(parts[1]), (1...65_535).contains(number) else { throw wrong }
            port = number
        }
    }
}

/// A setting is not usable; the sentence says what to do.
struct SettingError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
