public import Logging
internal import Synchronization
public import WeirRuntime
public import WorkTracking

/// Keeps the objects of a kind at hand: a list and a watch behind a cache with indexes, and handlers of changes.
///
/// Reads are of the cache: from any thread, ordered, without a call to the store, and as far behind it as the watch
/// is. Handlers are called by the informer's loop, one after another and in the order of the changes; they do little,
/// such as putting a key into a queue. `run` is the loop; `Informers` runs those that several users share.
public final class Informer<R: Resource>: Sendable {
    /// The objects that it keeps.
    public let selection: ObjectSelection
    /// How many objects it asks for at a time.
    public let pageMax: Int
    private let objects: any ObjectAccess
    private let state: Mutex<State>

    private struct State {
        var machine = InformerMachine<R>()
        var handlers: [Registration] = []
        /// Those that were not told yet of all that is there, for which a first list must be complete; in the order of
        /// their ids.
        var newHandlers: [Registration] = []
        var nextID: UInt64 = 1
        var stream: WatchStream?
        var isStopped = false
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]

        var isSynced: Bool { machine.hasListed && newHandlers.isEmpty }

        /// Those who wait for the first list, if it is there or never will be.
        mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
            guard isSynced || isStopped else { return [] }
            defer { waiters = [:] }
            return Array(waiters.values)
        }
    }

    private struct Registration {
        let id: UInt64
        let body: @Sendable (ResourceChange<R>) -> Void
    }

    /// An informer of a store's objects of a type. It knows nothing until it runs.
    ///
    /// - Parameters:
    ///   - namespace: Only in this one; nil: in all.
    ///   - pageMax: How many objects it asks for at a time.
    public init(
        _ objects: any ObjectAccess, _ type: R.Type = R.self, in namespace: String? = nil,
        labels: LabelSelector = .everything, fields: FieldSelector = .everything, indexes: [InformerIndex<R>] = [],
        pageMax: Int = 500
    ) {
        precondition(pageMax > 0, "a page holds at least one object")
        self.objects = objects
        self.pageMax = pageMax
        selection = ObjectSelection(
            kind: R.definition.kind, namespace: namespace, labels: labels, fields: fields)
        var state = State()
        for index in indexes { state.machine.cache.add(index) }
        self.state = Mutex(state)
    }
}

/// Reading.
extension Informer {
    /// Whether a first list was complete and every handler was told of it: until then what is missing means nothing.
    public var hasSynced: Bool { state.withLock { $0.isSynced } }

    /// Returns when `hasSynced`. Throws `CancellationError` where the task is cancelled before, or the informer
    /// stopped.
    public func synced() async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // Seen under the lock: a cancellation after this finds the waiter.
                    if state.isSynced || state.isStopped || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
        guard hasSynced else { throw CancellationError() }
    }

    /// The object of that name; nil where there is none, as far as is known. Without a namespace: of a kind that has
    /// none, or in the one that the informer is about.
    public func get(_ name: String, in namespace: String? = nil) -> R? {
        let namespace = namespace ?? selection.namespace ?? ""
        return state.withLock { $0.machine.cache.resources[namespace, name] }?.resource
    }

    /// The object of a key; nil where there is none, as far as is known.
    public func get(_ key: ObjectKey) -> R? {
        guard key.kind == R.definition.kind else { return nil }
        return get(key.name, in: key.namespace)
    }

    /// The objects of one namespace, or of all, in the order of namespace and name.
    public func list(in namespace: String? = nil) -> [R] {
        // A copy is one reference; the elements are looked at out of the lock.
        let resources = state.withLock { $0.machine.cache.resources }
        guard let namespace else { return resources.elements.map(\.resource) }
        return resources.elements(in: namespace).map(\.resource)
    }

    /// How many objects there are, as far as is known.
    public var count: Int { state.withLock { $0.machine.cache.resources.count } }

    /// The objects that an index has under a text, in the order of namespace and name.
    ///
    /// - Precondition: There is an index of the name.
    public func list(_ index: String, _ value: String) -> [R] {
        let (isThere, resources) = state.withLock { state in
            (state.machine.cache.hasIndex(index), state.machine.cache.resources(index, value))
        }
        precondition(isThere, "an informer is asked for the indexes that were added to it: not '\(index)'")
        return resources.elements.map(\.resource)
    }

    /// Adds an index, over what is known already too; one of its name stays as it is.
    public func add(_ index: InformerIndex<R>) {
        state.withLock { $0.machine.cache.add(index) }
    }
}

/// Telling of changes.
extension Informer {
    /// Has each change told to `body`, by the informer's loop and in order; what is there is told as added first.
    ///
    /// - Returns: What `removeHandler` takes it away with.
    @discardableResult
    public func addHandler(_ body: @escaping @Sendable (ResourceChange<R>) -> Void) -> InformerHandlerID {
        let (id, stream) = state.withLock { state in
            state.nextID += 1
            state.newHandlers.append(Registration(id: state.nextID, body: body))
            // Only the loop calls handlers: it is woken by the end of its watch, and goes on where that was.
            return (state.nextID, state.stream.take())
        }
        stream?.cancel()
        return InformerHandlerID(value: id)
    }

    /// Tells a handler nothing more; a change that is being told meanwhile may still arrive.
    public func removeHandler(_ id: InformerHandlerID) {
        let woken = state.withLock { state in
            state.handlers.removeAll { $0.id == id.value }
            state.newHandlers.removeAll { $0.id == id.value }
            return state.takeWaiters()
        }
        for waiter in woken { waiter.resume() }
    }
}

/// What tells one handler of an informer from the others.
public struct InformerHandlerID: Sendable, Hashable {
    let value: UInt64
}

/// Running.
extension Informer {
    /// Follows the store until the task is cancelled, `stop` is called, or the gate refuses as it drains.
    ///
    /// What it takes in is counted as operations of `gate`; the loop itself is counted by whoever runs it. Errors of
    /// the store are waited for and logged. Only one task at a time may run it.
    public func run(gate: Gate, clock: any Clock, logger: Logger) async {
        while !Task.isCancelled, !state.withLock({ $0.isStopped }) {
            let action = state.withLock { $0.machine.action }
            do {
                try welcome(gate)
                switch action {
                case .list(let token): try await list(token, gate, clock, logger)
                case .watch(let version): try await follow(after: version, gate, clock, logger)
                case .wait(let deadline):
                    try await clock.sleep(until: deadline)
                    _ = state.withLock { $0.machine.step(.waited) }
                }
            } catch is Refused {
                break
            } catch {
                fail(error, clock, logger)
            }
        }
        finish()
    }

    /// Ends `run` as soon as what it waits for can be ended; `synced` gives up. For good.
    public func stop() {
        let stream = state.withLock { state in
            state.isStopped = true
            return state.stream.take()
        }
        stream?.cancel()
        wakeWaiters()
    }

    /// The informer's own gate has closed: nothing more is taken in.
    private struct Refused: Error {}

    private func list(_ token: String?, _ gate: Gate, _ clock: any Clock, _ logger: Logger) async throws {
        let page = try await objects.list(ListQuery(selection, limit: pageMax, continueToken: token))
        let found = page.objects.compactMap { decoded($0, logger) }
        try take(
            .page(found, version: page.resourceVersion, continueToken: page.continueToken), gate)
    }

    private func follow(
        after version: ResourceVersion, _ gate: Gate, _ clock: any Clock, _ logger: Logger
    ) async throws {
        let stream = try await objects.watch(WatchQuery(selection, sendsBookmarks: true), after: version)
        let isWanted = state.withLock { state in
            _ = state.machine.step(.watchOpened(at: clock.now))
            guard state.newHandlers.isEmpty, !state.isStopped else { return false }
            state.stream = stream
            return true
        }
        guard isWanted else { return }
        defer { state.withLock { $0.stream = nil } }
        while let events = try await stream.nextBatch() {
            try take(.events(events.compactMap { read($0, logger) }), gate)
        }
        // Ended by a new handler or by `stop`, who took it: then nothing failed.
        let wasTaken = state.withLock { $0.stream == nil }
        guard !wasTaken, !Task.isCancelled else { return }
        throw ObjectError(.unavailable, "the watch was ended: the store drains or is closed")
    }

    private func fail(_ error: any Error, _ clock: any Clock, _ logger: Logger) {
        guard !Task.isCancelled, !state.withLock({ $0.isStopped }) else { return }
        let isExpired = (error as? ObjectError)?.reason == .expired
        let next = state.withLock { state in
            _ = state.machine.step(.failed(isExpired ? .expired : .other, at: clock.now))
            return state.machine.action
        }
        guard case .wait(let deadline) = next else {
            return logger.debug("lists \(R.definition.plural) again: \(error)")
        }
        let delay = deadline - clock.now
        logger.warning("could not follow \(R.definition.plural); tries again in \(delay.milliseconds) ms: \(error)")
    }

    /// Takes in what the store told, and tells the handlers; one operation.
    private func take(_ input: InformerMachine<R>.Input, _ gate: Gate) throws {
        let permit = try enter(gate)
        let (changes, handlers) = state.withLock { state in (state.machine.step(input), state.handlers) }
        for change in changes {
            for handler in handlers { handler.body(change) }
        }
        permit.end()
        wakeWaiters()
    }

    /// Tells new handlers what is there, once that is known; from here on they are told of changes like the others.
    private func welcome(_ gate: Gate) throws {
        let (isKnown, handlers, resources) = state.withLock { state in
            (state.machine.hasListed, state.newHandlers, state.machine.cache.resources)
        }
        guard isKnown, let lastID = handlers.last?.id else { return }
        let permit = try enter(gate)
        for element in resources.elements {
            for handler in handlers { handler.body(ResourceChange(.added(element.resource), .list)) }
        }
        permit.end()
        state.withLock { state in
            // Without those that were removed meanwhile; those that were added meanwhile are told next.
            let toldCount = state.newHandlers.count { $0.id <= lastID }
            state.handlers += state.newHandlers.prefix(toldCount)
            state.newHandlers.removeFirst(toldCount)
        }
        wakeWaiters()
    }

    private func enter(_ gate: Gate) throws -> Permit {
        do {
            return try gate.enter(.read)
        } catch {
            guard error.reason == .draining else { throw error }
            throw Refused()
        }
    }

    private func read(_ event: WatchEvent, _ logger: Logger) -> InformerMachine<R>.Event? {
        let version = event.resourceVersion
        guard let object = event.object, event.change != .bookmark else { return .bookmark(version) }
        guard event.change != .deleted, let element = decoded(object, logger) else {
            return .remove(object.key, at: version)
        }
        return .put(element, at: version)
    }

    /// The object as its type has it; nil, and a warning, where it is not as that wants it: then it counts as gone.
    private func decoded(_ object: Object, _ logger: Logger) -> CachedResource<R>? {
        do {
            return try CachedResource(object)
        } catch {
            logger.warning("left out an object that cannot be read as \(R.self): \(error)")
            return nil
        }
    }

    private func finish() {
        let stream = state.withLock { $0.stream.take() }
        stream?.cancel()
        wakeWaiters()
    }

    private func wakeWaiters() {
        let woken = state.withLock { $0.takeWaiters() }
        for waiter in woken { waiter.resume() }
    }
}
