import CHiredis
import Dispatch
import Glibc

/// The cache on a Redis server: items in the hash `web:items`, dirty keys in the set `web:dirty`.
///
/// hiredis' blocking calls run on a queue of their own, one after another. A connection that broke is opened again at
/// the next call.
final class RedisCache: CacheStore, @unchecked Sendable {
    // `context` is touched on `queue` only.
    private var context: UnsafeMutablePointer<redisContext>?
    private let queue = DispatchQueue(label: "redis")
    private let address: RedisAddress

    init(_ address: RedisAddress) {
        self.address = address
    }

    /// Opens the connection, so that a wrong address is told at the start.
    func open() async throws { _ = try await call(["PING"]) }

    func get(_ key: String) async throws -> CachedItem? {
        guard case .text(let text) = try await call(["HGET", "web:items", key]) else { return nil }
        return CachedItem(stored: text)
    }

    func put(_ key: String, _ item: CachedItem) async throws {
        // One script: a crash between the two would lose the mark.
        let script = "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]); redis.call('SADD', KEYS[2], ARGV[1])"
        _ = try await call(["EVAL", script, "2", "web:items", "web:dirty", key, item.stored])
    }

    func dirtyKeys(_ countMax: Int) async throws -> [String] {
        guard case .list(let keys) = try await call(["SRANDMEMBER", "web:dirty", "\(countMax)"]) else { return [] }
        return keys
    }

    func clean(_ key: String, if item: CachedItem) async throws {
        let script = """
            if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
              redis.call('SREM', KEYS[2], ARGV[1]); redis.call('HDEL', KEYS[1], ARGV[1])
            end
            """
        _ = try await call(["EVAL", script, "2", "web:items", "web:dirty", key, item.stored])
    }

    func close() async {
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                disconnect()
                continuation.resume()
            }
        }
    }

    // MARK: The connection

    private enum Answer: Sendable {
        case none
        case text(String)
        case list([String])
    }

    private func call(_ words: [String]) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in continuation.resume(with: Result { try ask(words) }) }
        }
    }

    /// Only on the queue. Asks a second time where the connection was lost meanwhile: all that is asked may be repeated.
    private func ask(_ words: [String]) throws -> Answer {
        do {
            return try askOnce(words)
        } catch is ConnectionLost {
            return try askOnce(words)
        }
    }

    private func askOnce(_ words: [String]) throws -> Answer {
        let context = try connected()
        let copies = words.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        var arguments = copies.map { UnsafePointer<CChar>($0) }
        var lengths = words.map(\.utf8.count)
        guard let raw = redisCommandArgv(context, Int32(words.count), &arguments, &lengths) else {
            disconnect()
            throw ConnectionLost()
        }
        defer { freeReplyObject(raw) }
        let reply = raw.assumingMemoryBound(to: redisReply.self).pointee
        switch reply.type {
        case REDIS_REPLY_ERROR: throw SettingError("Redis refused \(words[0]): \(Self.text(reply))")
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: return .text(Self.text(reply))
        case REDIS_REPLY_ARRAY:
            return .list((0..<reply.elements).compactMap { reply.element[$0].map { Self.text($0.pointee) } })
        default: return .none
        }
    }

    private static func text(_ reply: redisReply) -> String {
        String(decoding: UnsafeRawBufferPointer(start: reply.str, count: reply.len), as: UTF8.self)
    }

    private func connected() throws -> UnsafeMutablePointer<redisContext> {
        if let context { return context }
        let opened = redisConnectWithTimeout(address.host, address.port, timeval(tv_sec: 2, tv_usec: 0))
        guard let opened, opened.pointee.err == 0 else {
            if let opened { redisFree(opened) }
            throw SettingError("no Redis server answers at \(address.host):\(address.port); is REDIS_URL right?")
        }
        redisSetTimeout(opened, timeval(tv_sec: 2, tv_usec: 0))
        context = opened
        return opened
    }

    private func disconnect() {
        if let context { redisFree(context) }
        context = nil
    }

    private struct ConnectionLost: Error, CustomStringConvertible {
        var description: String { "the connection to Redis was lost" }
    }
}

extension CachedItem {
    /// `+text`, or `-` for what was deleted.
    fileprivate var stored: String { value.map { "+" + $0 } ?? "-" }

    fileprivate init(stored: String) {
        value = stored.first == "+" ? String(stored.dropFirst()) : nil
    }
}
