internal import Logging
internal import Synchronization
internal import WeirRuntime
internal import WorkTracking

/// The loop of an event recorder: takes events out of the queue, writes them, and removes those that are old.
final class EventWriter: Sendable {
    private struct State {
        var queue: EventQueue
        var written: UInt64 = 0
        /// Wakes the loop, while it runs.
        var door: AsyncStream<Void>.Continuation?
        /// How many drops were logged.
        var droppedLogged: UInt64 = 0
    }

    private static let reasonBytesMax = 128
    private static let messageBytesMax = 1_024
    private static let attemptsMax = 8
    private static let tick = Duration.seconds(10)

    private let objects: any ObjectAccess
    private let source: String
    private let limits: EventLimits
    private let clock: any Clock
    private let randomBits: @Sendable () -> UInt64
    private let state: Mutex<State>

    init(
        _ objects: any ObjectAccess, _ source: String, _ limits: EventLimits, _ clock: any Clock,
        _ randomBits: @escaping @Sendable () -> UInt64
    ) {
        self.objects = objects
        self.source = source
        self.limits = limits
        self.clock = clock
        self.randomBits = randomBits
        state = Mutex(State(queue: EventQueue(limits: limits)))
    }

    var counts: EventCounts {
        state.withLock { state in
            EventCounts(
                recorded: state.queue.recordedCount, written: state.written, dropped: state.queue.droppedCount,
                pending: state.queue.pendingCount)
        }
    }

    func record(_ severity: EventSeverity, _ object: ObjectReference, _ reason: String, _ message: String) {
        var object = object
        // The same thing happens to an object in many of its versions.
        object.resourceVersion = nil
        let key = EventKey(
            object: object, severity: severity, reason: reason.cut(atBytes: Self.reasonBytesMax),
            message: message.cut(atBytes: Self.messageBytesMax))
        let (now, time) = (clock.now, Timestamp(wallMilliseconds: clock.wallMilliseconds))
        state.withLock { state in
            if state.queue.record(key, at: time, now: now) { state.door?.yield() }
        }
    }

    /// Nothing is written from here on: what waits is lost.
    func close() {
        _ = state.withLock { $0.queue.dropPending() }
    }

    /// Writes until the component drains, then the rest.
    func run(_ scope: HostedScope) async {
        let (wakes, door) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        state.withLock { $0.door = door }
        door.yield()
        await withDiscardingTaskGroup { group in
            group.addTask {
                // What an object has too much of is due some time later, and what is old goes.
                while await scope.sleep(for: Self.tick) { door.yield() }
                door.finish()
            }
            group.addTask { await self.removeOld(scope) }
            for await _ in wakes { await self.writeDue(scope) }
        }
        await writeRest(scope)
        state.withLock { $0.door = nil }
    }

    /// Writes what is due; where the store does not take it, the loop waits for a while.
    private func writeDue(_ scope: HostedScope) async {
        var failureCount = 0
        while !Task.isCancelled, let write = state.withLock({ $0.queue.next(now: clock.now) }) {
            do {
                try await self.write(write)
                failureCount = 0
            } catch {
                failureCount += 1
                guard Self.mayPass(error), failureCount < Self.attemptsMax else {
                    drop(write, scope, error)
                    continue
                }
                state.withLock { $0.queue.putBack(write) }
                guard await scope.sleep(for: .milliseconds(100) * (1 << failureCount)) else { break }
            }
        }
        logDrops(scope)
    }

    /// Writes everything, once each: the store is open until this has ended.
    private func writeRest(_ scope: HostedScope) async {
        while !Task.isCancelled, let write = state.withLock({ $0.queue.next(now: nil) }) {
            do {
                try await self.write(write)
            } catch {
                drop(write, scope, error)
            }
        }
        if Task.isCancelled { close() }
        logDrops(scope)
    }

    private func write(_ write: EventQueue.Write) async throws {
        if let known = write.known {
            let count = known.count.addingReportingOverflow(write.count).overflow ? .max : known.count + write.count
            do {
                let patch: JSONValue = [
                    "count": .integer(Int64(count)), "lastTimestamp": .string(write.last.description),
                ]
                _ = try await objects.patch(known.event, .merge(patch), .main)
                return wrote(write, known.event, count, known.first)
            } catch let error as ObjectError where error.reason == .notFound {
                state.withLock { $0.queue.forget(write.key) }
            }
        }
        let event = try Object(self.event(write))
        let stored = try await objects.create(event)
        wrote(write, stored.key, write.count, write.first)
    }

    private func wrote(_ write: EventQueue.Write, _ event: ObjectKey, _ count: Int32, _ first: Timestamp) {
        state.withLock { state in
            state.queue.wrote(write, as: event, count: count, first: first)
            state.written += UInt64(write.count)
        }
    }

    private func event(_ write: EventQueue.Write) -> Event {
        let object = write.key.object
        // Kubernetes' form: the object's name, and 16 hexadecimal digits that make it unique.
        let digits = String(randomBits(), radix: 16)
        let suffix = "." + String(repeating: "0", count: 16 - digits.count) + digits
        let name = (object.name ?? "none").cut(atBytes: 253 - suffix.utf8.count) + suffix
        var event = Event(
            metadata: ObjectMetadata(name: name, namespace: object.namespace ?? ObjectStore.defaultNamespace),
            involvedObject: object)
        event.type = write.key.severity.rawValue
        event.reason = write.key.reason
        event.message = write.key.message
        event.source = Event.Source(component: source)
        event.firstTimestamp = write.first
        event.lastTimestamp = write.last
        event.count = write.count
        return event
    }

    /// Whether what kept an event from being written may be over later.
    private static func mayPass(_ error: any Error) -> Bool {
        if error is WorkRejected { return true }
        guard let error = error as? ObjectError else { return false }
        return error.reason == .unavailable || error.reason == .internalError || error.reason == .conflict
    }

    private func drop(_ write: EventQueue.Write, _ scope: HostedScope, _ error: any Error) {
        state.withLock { $0.queue.drop(write) }
        scope.logger.debug("dropped the event '\(write.key.reason)' of \(write.key.object.name ?? "?"): \(error)")
    }

    private func logDrops(_ scope: HostedScope) {
        let dropped = state.withLock { state in
            defer { state.droppedLogged = state.queue.droppedCount }
            return state.queue.droppedCount - state.droppedLogged
        }
        if dropped > 0 { scope.logger.warning("\(dropped) events were dropped: too many, or the store took them not") }
    }
}

/// Old events.
extension EventWriter {
    /// Removes events that did not happen for longer than they are kept: at the start, and every so often.
    private func removeOld(_ scope: HostedScope) async {
        guard let retention = limits.retention else { return }
        repeat {
            do {
                try await removeEvents(retention, scope)
            } catch {
                scope.logger.debug("could not remove old events now: \(error)")
            }
        } while await scope.sleep(for: min(max(retention / 4, .seconds(1)), .seconds(600)))
    }

    private func removeEvents(_ retention: Duration, _ scope: HostedScope) async throws {
        let oldest = Timestamp(wallMilliseconds: clock.wallMilliseconds).secondsSince1970 - retention.components.seconds
        var token: String?
        repeat {
            let selection = ObjectSelection(kind: Event.definition.kind)
            let page = try await objects.list(ListQuery(selection, limit: 500, continueToken: token))
            for object in page.objects {
                let last = object.content["lastTimestamp"]?.stringValue.flatMap { Timestamp($0) }
                let time = last ?? object.metadata.creationTimestamp
                guard let time, time.secondsSince1970 < oldest else { continue }
                let same = Preconditions(
                    resourceVersion: object.metadata.resourceVersion, uid: object.metadata.uid)
                do {
                    _ = try await objects.delete(object.key, DeleteOptions(preconditions: same))
                } catch let error as ObjectError where error.reason == .conflict || error.reason == .notFound {
                    // It happened again, or somebody else removed it.
                }
            }
            token = page.continueToken
        } while token != nil && !scope.isStopping
    }
}

extension String {
    /// The longest beginning that is whole characters of Unicode and has at most so many bytes.
    fileprivate func cut(atBytes count: Int) -> String {
        guard utf8.count > count else { return self }
        var end = utf8.index(startIndex, offsetBy: count)
        while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
