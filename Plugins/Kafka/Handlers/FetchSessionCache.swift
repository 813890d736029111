import KafkaWire
import WeirRuntime

/// The fetch sessions of one loop, bounded in number and in partitions (KIP-227). A value.
///
/// A session costs memory between fetches, so that there is a limit, and a client that finds no room is served
/// without one. Whoever has been idle for `idleMax` makes room for others; so does, after that time, a session with
/// fewer partitions than the one that wants in, because it saves its client less.
struct FetchSessionCache: Sendable {
    /// How long a session is safe from eviction after it began, or was used last.
    static let idleMax: Duration = .seconds(120)
    /// How long a full cache is not searched again after a search found nothing to evict.
    static let searchInterval: Duration = .milliseconds(100)

    /// Sessions that it holds at most (`max.incremental.fetch.session.cache.slots`).
    let slotCount: Int
    /// Partitions that its sessions hold together at most.
    let targetCountMax: Int
    /// Sessions that were evicted.
    private(set) var evictionCount = 0
    /// Partitions that its sessions hold.
    private(set) var targetCount = 0
    private var sessions: [Int32: FetchSession] = [:]
    private var nextSearch = MonotonicTime(nanoseconds: 0)

    init(slotCount: Int, targetCountMax: Int) {
        self.slotCount = slotCount
        self.targetCountMax = targetCountMax
    }

    /// Sessions held now.
    var count: Int { sessions.count }

    /// Whether there is a session `id`.
    func contains(_ id: Int32) -> Bool { sessions[id] != nil }

    /// What a fetch of a session reads.
    enum Opening: Sendable {
        /// The session cannot be used.
        case refused(ErrorCode)
        /// The fetch forgot the last partition of the session, which ended.
        case ended(FetchPlan)
        /// The plan of the session, now in the epoch `next`.
        case opened(FetchPlan, next: Int32)
    }

    /// Takes what an incremental fetch changes, and tells what the session reads now.
    mutating func open(_ request: FetchRequest, version: Int16, now: MonotonicTime) -> Opening {
        guard var session = sessions.removeValue(forKey: request.sessionId) else {
            return .refused(.fetchSessionIdNotFound)
        }
        guard session.epoch == request.sessionEpoch else {
            sessions[request.sessionId] = session
            return .refused(.invalidFetchSessionEpoch)
        }
        guard session.isByID == (version >= FetchRequest.versionOfTopicIDs) else {
            sessions[request.sessionId] = session
            return .refused(.fetchSessionTopicIdError)
        }
        targetCount -= session.targetCount
        let changes = FetchPlan(request, version: version)
        session.update(changes, forgetting: request.forgottenTopicsData)
        if session.targetCount == 0 { return .ended(changes) }
        // Too large to be remembered: the client begins anew, without one.
        guard targetCount + session.targetCount <= targetCountMax else { return .refused(.fetchSessionIdNotFound) }
        session.lastUsed = now
        session.advanceEpoch()
        targetCount += session.targetCount
        sessions[request.sessionId] = session
        return .opened(session.plan, next: session.epoch)
    }

    /// The places of the plan that a session's client has to be told of; nil: the session has gone or moved on.
    mutating func news(_ id: Int32, epoch: Int32, _ outcomes: [FetchOutcome]) -> [Int]? {
        guard sessions[id]?.epoch == epoch else { return nil }
        return sessions[id]?.news(outcomes)
    }

    /// Ends a session, if there is one.
    mutating func remove(_ id: Int32) {
        guard let session = sessions.removeValue(forKey: id) else { return }
        targetCount -= session.targetCount
    }

    /// Whether a session of `targetCount` partitions has room, now that another one may have been evicted for it.
    mutating func makeRoom(for targetCount: Int, now: MonotonicTime) -> Bool {
        guard slotCount > 0, targetCount > 0, targetCount <= targetCountMax else { return false }
        if hasRoom(for: targetCount) { return true }
        guard now >= nextSearch, let id = evictable(for: targetCount, now: now) else {
            if now >= nextSearch { nextSearch = now + Self.searchInterval }
            return false
        }
        remove(id)
        evictionCount += 1
        return hasRoom(for: targetCount)
    }

    /// Keeps a session, for which there is room.
    mutating func insert(_ session: FetchSession, id: Int32) {
        precondition(sessions[id] == nil, "a session's id is given once")
        targetCount += session.targetCount
        sessions[id] = session
    }

    private func hasRoom(for targetCount: Int) -> Bool {
        sessions.count < slotCount && self.targetCount + targetCount <= targetCountMax
    }

    /// The session idle for longest, if for long enough; else the smallest that is old and no larger than the new one.
    private func evictable(for targetCount: Int, now: MonotonicTime) -> Int32? {
        guard let idle = sessions.min(by: { ($0.value.lastUsed, $0.key) < ($1.value.lastUsed, $1.key) }) else {
            return nil
        }
        if now - idle.value.lastUsed > Self.idleMax { return idle.key }
        let smallest = sessions.filter { now - $0.value.created > Self.idleMax && $0.value.targetCount <= targetCount }
            .min { ($0.value.targetCount, $0.key) < ($1.value.targetCount, $1.key) }
        return smallest?.key
    }
}
