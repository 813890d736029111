import KafkaWire
import WeirRuntime

/// All fetch sessions of the node: a cache on each loop, so that no fetch takes a lock.
///
/// A session lives on the loop of the connection that began it, and its id tells which loop that is. A client that
/// comes back by another connection costs a hop there and one back.
final class FetchSessions: Sendable {
    /// Partitions that all sessions hold together at most: about 100 bytes each.
    static let targetCountMax = 1_000_000

    private let shards: [FetchSessionShard]

    /// - Parameters:
    ///   - loops: The loops of connections.
    ///   - slotCount: Sessions at most (`max.incremental.fetch.session.cache.slots`), spread over the loops.
    ///   - seed: Where ids begin: another one after each start, so that no client meets another's session.
    ///   - probe: Where sessions are counted.
    init(loops: [any Loop], slotCount: Int, seed: UInt64, probe: KafkaProbe) {
        let count = loops.count
        shards = loops.enumerated().map { index, loop in
            let slots = slotCount / count + (index < slotCount % count ? 1 : 0)
            return FetchSessionShard(
                loop: loop, index: index, of: count,
                cache: FetchSessionCache(slotCount: slots, targetCountMax: Self.targetCountMax / count), seed: seed,
                probe: probe)
        }
    }

    /// The shard that has the session `id`.
    func shard(of id: Int32) -> FetchSessionShard { shards[Int(UInt32(bitPattern: id)) % shards.count] }

    /// The shard where a connection of `loop` begins sessions.
    func shard(for loop: any Loop) -> FetchSessionShard { shards.first { $0.loop === loop } ?? shards[0] }
}

/// The fetch sessions of one loop.
///
/// `@unchecked Sendable`: what changes is confined to `loop`.
final class FetchSessionShard: @unchecked Sendable {
    let loop: any Loop
    private let index: Int
    private let count: Int
    private let probe: KafkaProbe
    private var cache: FetchSessionCache
    private var idState: UInt64

    init(loop: any Loop, index: Int, of count: Int, cache: FetchSessionCache, seed: UInt64, probe: KafkaProbe) {
        self.loop = loop
        self.index = index
        self.count = count
        self.cache = cache
        self.probe = probe
        idState = seed &+ UInt64(index)
    }

    /// Takes what an incremental fetch changes, and tells what its session reads now. On the loop.
    func open(_ request: FetchRequest, version: Int16, now: MonotonicTime) -> FetchSessionCache.Opening {
        loop.preconditionIsCurrent()
        return counted { $0.open(request, version: version, now: now) }
    }

    /// The places of the plan that a session's client has to be told of; nil: the session has moved on. On the loop.
    func news(_ id: Int32, epoch: Int32, _ outcomes: [FetchOutcome]) -> [Int]? {
        loop.preconditionIsCurrent()
        return cache.news(id, epoch: epoch, outcomes)
    }

    /// Ends a session. On the loop.
    func remove(_ id: Int32) {
        loop.preconditionIsCurrent()
        counted { $0.remove(id) }
    }

    /// Begins a session with what a full fetch was told; 0: there is no room. On the loop.
    func begin(_ plan: FetchPlan, told outcomes: [FetchOutcome], isByID: Bool, now: MonotonicTime) -> Int32 {
        loop.preconditionIsCurrent()
        guard counted({ $0.makeRoom(for: plan.targets.count, now: now) }) else { return 0 }
        let id = nextID()
        counted { $0.insert(FetchSession(plan, told: outcomes, isByID: isByID, now: now), id: id) }
        return id
    }

    /// Changes the cache, and counts what came and went.
    private func counted<Result>(_ body: (inout FetchSessionCache) -> Result) -> Result {
        let before = (cache.count, cache.targetCount, cache.evictionCount)
        defer {
            probe.fetchSessionsChanged(
                by: cache.count - before.0, targets: cache.targetCount - before.1,
                evicted: cache.evictionCount - before.2)
        }
        return body(&cache)
    }

    /// A positive id of this shard that no session has (SplitMix64: spread, and the same for the same seed).
    private func nextID() -> Int32 {
        while true {
            idState &+= 0x9E37_79B9_7F4A_7C15
            var bits = (idState ^ (idState >> 30)) &* 0xBF58_476D_1CE4_E5B9
            bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
            let turns = Int32.max / Int32(count)
            let id = Int32(bits >> 33) % turns * Int32(count) + Int32(index)
            if id > 0, !cache.contains(id) { return id }
        }
    }
}
