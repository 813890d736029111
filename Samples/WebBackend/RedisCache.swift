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
    /// For connecting, and for each answer.
    private static let timeout = timeval(tv_sec: 2, tv_usec: 0)

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
        let script = """
            if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 0 and redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[3]) then
              return 0
            end
            redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
            redis.call('SADD', KEYS[2], ARGV[1])
            return 1
            """
        let answer = try await call([
            "EVAL", script, "2", "web:items", "web:dirty", key, item.stored, "\(Self.dirtyCountMax)",
        ])
        guard case .number(1) = answer else { throw Self.isFull }
    }

    func dirtyKeys(_ countMax: Int) async throws -> [String] {
        guard case .list(let keys) = try await call(["SRANDMEMBER", "web:dirty", "\(countMax)"]) else { return [] }
        return keys
    }

    func clean(_ key: String, if item: CachedItem?) async throws {
        // Redis may have thrown the item away for want of memory: then only the mark is left.
        let script = """
            if (redis.call('HGET', KEYS[1], ARGV[1]) or '') == ARGV[2] then
              redis.call('SREM', KEYS[2], ARGV[1])
              redis.call('HDEL', KEYS[1], ARGV[1])
            end
            """
        _ = try await call(["EVAL", script, "2", "web:items", "web:dirty", key, item?.stored ?? ""])
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
        case number(Int64)
        case text(String)
        case list([String])
    }

    private func call(_ words: [String]) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in continuation.resume(with: Result { try ask(words) }) }
        }
    }

    /// Only on the queue. Asks a second time where the connection was lost meanwhile: nothing that is asked is the worse
    /// for being done twice.
    private func ask(_ words: [String]) throws -> Answer {
        do {
            return try askOnce(words)
        } catch is ConnectionLost {
            disconnect()
        }
        do {
            return try askOnce(words)
        } catch is ConnectionLost {
            disconnect()
            throw RedisError("the connection to Redis was lost")
        }
    }

    private func askOnce(_ words: [String]) throws -> Answer { try Self.ask(words, of: connected()) }

    private static func ask(_ words: [String], of context: UnsafeMutablePointer<redisContext>) throws -> Answer {
        let bytes = words.flatMap { $0.utf8.map { CChar(bitPattern: $0) } }
        var lengths = words.map(\.utf8.count)
        let raw = bytes.withUnsafeBufferPointer { bytes in
            var start = 0
            var arguments = lengths.map { length -> UnsafePointer<CChar>? in
                defer { start += length }
                return bytes.baseAddress.map { $0 + start }
            }
            return redisCommandArgv(context, Int32(words.count), &arguments, &lengths)
        }
        guard let raw else { throw ConnectionLost() }
        defer { freeReplyObject(raw) }
        let reply = raw.assumingMemoryBound(to: redisReply.self).pointee
        switch reply.type {
        case REDIS_REPLY_ERROR: throw RedisError("Redis refused \(words[0]): \(text(reply))")
        case REDIS_REPLY_INTEGER: return .number(reply.integer)
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: return .text(text(reply))
        case REDIS_REPLY_ARRAY:
            return .list((0..<reply.elements).compactMap { reply.element[$0].map { text($0.pointee) } })
        default: return .none
        }
    }

    private static func text(_ reply: redisReply) -> String {
        String(decoding: UnsafeRawBufferPointer(start: reply.str, count: reply.len), as: UTF8.self)
    }

    private func connected() throws -> UnsafeMutablePointer<redisContext> {
        if let context { return context }
        let opened = redisConnectWithTimeout(address.host, address.port, Self.timeout)
        guard let opened, opened.pointee.err == 0 else {
            if let opened { redisFree(opened) }
            throw RedisError("no Redis server answers at \(address.host):\(address.port); is REDIS_URL right?")
        }
        redisSetTimeout(opened, Self.timeout)
        do {
            if let password = address.password {
                _ = try Self.ask(["AUTH"] + (address.user.map { [$0] } ?? []) + [password], of: opened)
            }
            if address.database != 0 { _ = try Self.ask(["SELECT", "\(address.database)"], of: opened) }
        } catch {
            redisFree(opened)
            throw error
        }
        context = opened
        return opened
    }

    private func disconnect() {
        if let context { redisFree(context) }
        context = nil
    }

    private struct ConnectionLost: Error {}
}

/// Redis does not do what it is asked.
struct RedisError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

extension CachedItem {
    /// `+text`, or `-` for what was deleted.
    fileprivate var stored: String { value.map { "+" + $0 } ?? "-" }

    fileprivate init(stored: String) {
        value = stored.first == "+" ? String(stored.dropFirst()) : nil
    }
}
