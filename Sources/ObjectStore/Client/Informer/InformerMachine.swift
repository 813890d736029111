internal import WeirRuntime

/// What an informer does next, and what its handlers are told: a pure value, stepped by the informer's loop.
///
/// It lists page by page, then watches after the version that the list began at. A watch that ends is begun again where
/// it ended; one whose changes are not known any more makes a new list, and what was missed is told as changes. Errors
/// are waited for, longer each time.
struct InformerMachine<R: Resource>: Sendable {
    /// What is to be done.
    enum Action: Hashable, Sendable {
        /// Ask for a page of a list.
        case list(continueToken: String?)
        /// Watch, until the watch ends.
        case watch(after: ResourceVersion)
        /// Wait, after something failed.
        case wait(until: MonotonicTime)
    }

    /// What happened.
    enum Input: Sendable {
        case page([CachedResource<R>], version: ResourceVersion, continueToken: String?)
        case watchOpened(at: MonotonicTime)
        case events([Event])
        /// A list or a watch failed, or the watch ended: how, and when.
        case failed(Failure, at: MonotonicTime)
        /// What was to be waited for is over.
        case waited
    }

    enum Failure: Hashable, Sendable {
        /// The changes are not known any more: a new list is needed.
        case expired
        /// Anything else.
        case other
    }

    /// A change as the watch tells of it.
    enum Event: Sendable {
        case put(CachedResource<R>, at: ResourceVersion)
        /// It went, or is not as its type wants it any more.
        case remove(ObjectKey, at: ResourceVersion)
        case bookmark(ResourceVersion)

        var version: ResourceVersion {
            switch self {
            case .put(_, let version), .remove(_, let version), .bookmark(let version): version
            }
        }
    }

    private enum Phase: Sendable {
        case listing(Listing)
        case watching(after: ResourceVersion)
    }

    private struct Listing: Sendable {
        var found: [CachedResource<R>] = []
        /// That of the first page.
        var version: ResourceVersion?
        var continueToken: String?
    }

    static var delayMin: Duration { .milliseconds(100) }
    static var delayMax: Duration { .seconds(30) }

    var cache = InformerCache<R>()
    /// Whether a list was complete once.
    private(set) var hasListed = false
    private var phase = Phase.listing(Listing())
    /// Failures since something went well: a change was seen, or a watch held for as long as the longest delay.
    private var failureCount = 0
    private var watchOpenedAt: MonotonicTime?
    private var waitsUntil: MonotonicTime?

    /// What is to be done now.
    var action: Action {
        if let waitsUntil { return .wait(until: waitsUntil) }
        return switch phase {
        case .listing(let listing): .list(continueToken: listing.continueToken)
        case .watching(let version): .watch(after: version)
        }
    }

    /// Takes in what happened; returns what the handlers are to be told, in order.
    mutating func step(_ input: Input) -> [ResourceChange<R>] {
        switch input {
        case .page(let found, let version, let token):
            return take(found, version, token)
        case .watchOpened(let now):
            watchOpenedAt = now
            return []
        case .events(let events):
            failureCount = 0
            return events.flatMap { take($0) }
        case .failed(let failure, let now):
            fail(failure, now)
            return []
        case .waited:
            waitsUntil = nil
            return []
        }
    }

    private mutating func take(
        _ found: [CachedResource<R>], _ version: ResourceVersion, _ continueToken: String?
    ) -> [ResourceChange<R>] {
        guard case .listing(var listing) = phase else { return [] }
        // Let go of, so that the page is appended in place.
        phase = .listing(Listing())
        listing.found += found
        // The first page's: later ones show later moments, and the watch tells again what they show.
        let start = listing.version ?? version
        listing.version = start
        listing.continueToken = continueToken
        guard continueToken == nil else {
            phase = .listing(listing)
            return []
        }
        phase = .watching(after: start)
        hasListed = true
        return replace(with: listing.found)
    }

    /// Makes the cache what a list says; returns what is different.
    private mutating func replace(with found: [CachedResource<R>]) -> [ResourceChange<R>] {
        var listed: Set<ObjectKey> = []
        listed.reserveCapacity(found.count)
        for element in found { listed.insert(element.key) }
        var changes: [ResourceChange<R>] = []
        for element in Array(cache.resources.elements) where !listed.contains(element.key) {
            _ = cache.remove(element.key)
            changes.append(ResourceChange(.deleted(element.resource), .list))
        }
        for element in found { changes += put(element, .list) }
        return changes
    }

    private mutating func take(_ event: Event) -> [ResourceChange<R>] {
        guard case .watching(let version) = phase else { return [] }
        phase = .watching(after: max(version, event.version))
        switch event {
        case .put(let element, _):
            return put(element, .watch)
        case .remove(let key, let version):
            // A later page of the list may show what came after the removal.
            guard let known = cache.resources[key.namespace, key.name], known.version < version else { return [] }
            _ = cache.remove(key)
            return [ResourceChange(.deleted(known.resource), .watch)]
        case .bookmark:
            return []
        }
    }

    private mutating func put(
        _ element: CachedResource<R>, _ source: ResourceChange<R>.Source
    ) -> [ResourceChange<R>] {
        guard let known = cache.resources[element.key.namespace, element.key.name] else {
            _ = cache.put(element)
            return [ResourceChange(.added(element.resource), source)]
        }
        switch source {
        case .list: guard known.version != element.version else { return [] }
        // A later page of the list may show what the watch tells of afterwards.
        case .watch: guard known.version < element.version else { return [] }
        }
        _ = cache.put(element)
        guard known.uid == element.uid else {
            return [
                ResourceChange(.deleted(known.resource), source), ResourceChange(.added(element.resource), source),
            ]
        }
        return [ResourceChange(.updated(old: known.resource, new: element.resource), source)]
    }

    private mutating func fail(_ failure: Failure, _ now: MonotonicTime) {
        if let watchOpenedAt, now - watchOpenedAt >= Self.delayMax { failureCount = 0 }
        watchOpenedAt = nil
        failureCount += 1
        switch (failure, phase) {
        case (.expired, _), (.other, .listing):
            // A list that was begun is begun anew: its token may be what is wrong.
            phase = .listing(Listing())
        case (.other, .watching):
            break
        }
        // One expiry is how a watch that fell behind ends; only more of them in a row are a failure.
        if failure == .expired, failureCount == 1 { return }
        waitsUntil = now + Self.delay(afterFailures: failureCount)
    }

    /// 100 ms, then twice as long each time, up to 30 s.
    static func delay(afterFailures count: Int) -> Duration {
        let doublings = min(max(0, count - 1), 20)
        return min(delayMin * (1 << doublings), delayMax)
    }
}
