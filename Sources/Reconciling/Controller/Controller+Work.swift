internal import Logging
internal import ObjectStore
internal import WeirRuntime
internal import WorkTracking

/// A reconcile took longer than its reconciler allows.
struct ReconcileTimedOut: Error, CustomStringConvertible {
    var limit: Duration
    var description: String { "it did not end within \(limit), and was cancelled" }
}

extension Controller {
    /// Reconciles one key after another until the queue sends it home.
    func work() async {
        guard let life = currentLife else { return }
        var ended: Ended?
        while let taken = await keys.next(after: ended) {
            ended = await tracked(taken, life)
            guard ended == nil else { continue }
            keys.giveBack(taken)
            guard await isAdmittedAgain(life.scope) else { return }
        }
    }

    /// One reconcile as an operation of the gate; nil where the gate refused it.
    private func tracked(_ taken: Taken, _ life: Life) async -> Ended? {
        var ended: Ended?
        let key = taken.item.key
        do {
            try await life.scope.gate.track("reconcile", key: "\(key.namespace)/\(key.name)") {
                let result = await reconcile(taken, life)
                ended = result
                switch result.outcome {
                case .succeeded: break
                case .cancelled: throw CancellationError()
                case .failed(let error): throw error
                case .terminal(let error): throw error
                }
            }
        } catch {
            if let ended { tell(ended, life) }
        }
        return ended
    }

    /// After a refusal: false where the gate has closed; otherwise waits until it is read-only no more.
    ///
    /// A gate tells nobody that it may be written to again, so that it is looked at now and then.
    private func isAdmittedAgain(_ scope: ReconcileScope) async -> Bool {
        while scope.gate.isReadOnly, !scope.gate.isClosed {
            guard (try? await scope.clock.sleep(for: .milliseconds(100))) != nil else { return false }
        }
        return !scope.gate.isClosed
    }

    private func reconcile(_ taken: Taken, _ life: Life) async -> Ended {
        var ended = Ended(taken: taken, outcome: .cancelled)
        do {
            let object = try await object(taken.item.key, life)
            let limit = settings.timeout
            let request = ReconcileRequest(
                key: taken.item.key, object: object, attempt: taken.item.attempt,
                timeLimit: limit.map { taken.since + $0 }, scope: life.scope)
            if let limit {
                ended = await timed(request, taken, limit)
            } else {
                ended.outcome = await attempt(request)
            }
        } catch let error as Unreadable {
            ended.outcome = .terminal(TerminalError(error))
        } catch {
            ended.outcome = .failed(error)
        }
        if case .failed(let error) = ended.outcome, wasGivenUp(because: error, life) { ended.outcome = .cancelled }
        return ended
    }

    /// The object as the cache has it; nil where the store says too that it is gone.
    ///
    /// The cache leaves out what does not decode. That must not look like a deletion: a reconciler would clean up.
    private func object(_ key: ObjectKey, _ life: Life) async throws -> Content? {
        guard key.kind == Content.definition.kind else { throw Unreadable(reason: "the key is of another kind") }
        if let object = life.cache.object(key) { return object }
        let stored: Object
        do {
            stored = try await life.scope.client.objects.get(key)
        } catch let error as ObjectError where error.reason == .notFound {
            return nil
        }
        do {
            return try stored.decoded(as: Content.self)
        } catch {
            throw Unreadable(reason: "\(error)")
        }
    }

    /// An object is there, but not as its type wants it; it will not be before the next change.
    private struct Unreadable: Error, CustomStringConvertible {
        var reason: String
        var description: String { "it cannot be read as \(Content.self): \(reason)" }
    }

    /// Whether the failure comes of the drain, or of the lost leadership, and is no fault of the reconcile.
    private func wasGivenUp(because error: any Error, _ life: Life) -> Bool {
        switch error {
        case is CancellationError: Task.isCancelled
        case let refusal as WorkRejected: refusal.reason == .draining && life.scope.gate.isClosed
        default: false
        }
    }

    private func attempt(_ request: ReconcileRequest<Content>) async -> Outcome {
        do {
            guard !settings.finalizers.isEmpty, let object = request.object else {
                return .succeeded(try await body(request))
            }
            return .succeeded(try await finalized(request, object))
        } catch let error as TerminalError {
            return .terminal(error)
        } catch {
            return .failed(error)
        }
    }

    private enum Step: Sendable {
        case ended(Outcome)
        case timeIsUp
        case timerStopped
    }

    /// The attempt in a task of its own, which is cancelled when its time is up.
    private func timed(_ request: ReconcileRequest<Content>, _ taken: Taken, _ limit: Duration) async -> Ended {
        await withTaskGroup(of: Step.self) { group in
            group.addTask { .ended(await self.attempt(request)) }
            group.addTask { [clock = request.clock] in
                do {
                    try await clock.sleep(until: taken.since + limit)
                    return .timeIsUp
                } catch {
                    return .timerStopped
                }
            }
            var ended: Ended?
            var isTimeUp = false
            for await step in group {
                switch step {
                case .ended(let outcome): ended = Ended(taken: taken, outcome: outcome, hasTimedOut: isTimeUp)
                case .timeIsUp: isTimeUp = ended == nil
                case .timerStopped: break
                }
                group.cancelAll()
            }
            guard var ended else { preconditionFailure("the attempt returns, whatever it does") }
            if isTimeUp, case .failed(let error) = ended.outcome, error is CancellationError {
                ended.outcome = .failed(ReconcileTimedOut(limit: limit))
            }
            return ended
        }
    }

    // MARK: Finalizers

    /// Puts the finalizers on a living object and reconciles it; cleans up after one that is to go.
    private func finalized(
        _ request: ReconcileRequest<Content>, _ object: Content
    ) async throws -> ReconcileResult {
        guard object.metadata.isBeingDeleted else {
            var request = request
            let names = settings.finalizers.map(\.name)
            if !names.allSatisfy(object.metadata.hasFinalizer) {
                request.object = try await write(request) { metadata in
                    // Nothing is put on an object that is to go by now.
                    guard !metadata.isBeingDeleted else { return }
                    for name in names { metadata.addFinalizer(name) }
                }
                if request.object?.metadata.isBeingDeleted == true { return .done }
            }
            return try await body(request)
        }
        // The cache may not know yet what was cleaned up the last time.
        guard let object = try await stored(request) else { return .done }
        for finalizer in settings.finalizers where object.metadata.hasFinalizer(finalizer.name) {
            try await finalizer.cleanUp(request, object)
            _ = try await write(request) { $0.removeFinalizer(finalizer.name) }
        }
        return .done
    }

    private func stored(_ request: ReconcileRequest<Content>) async throws -> Content? {
        do {
            return try await request.client.get(Content.self, request.name, in: request.namespace)
        } catch let error as ObjectError where error.reason == .notFound {
            return nil
        }
    }

    private func write(
        _ request: ReconcileRequest<Content>, _ change: (inout ObjectMetadata) -> Void
    ) async throws -> Content? {
        do {
            return try await request.client.update(Content.self, request.name, in: request.namespace) {
                change(&$0.metadata)
            }
        } catch let error as ObjectError where error.reason == .notFound {
            return nil
        }
    }

    // MARK: Telling

    /// Logs how a reconcile failed, and writes the event where that is wanted.
    private func tell(_ ended: Ended, _ life: Life) {
        let item = ended.taken.item
        var metadata: Logger.Metadata = ["name": "\(item.key.name)", "attempt": "\(item.attempt)"]
        if !item.key.namespace.isEmpty { metadata["namespace"] = "\(item.key.namespace)" }
        let logger = life.scope.logger
        let failure: any Error
        switch ended.outcome {
        case .succeeded: return
        case .cancelled: return logger.info("given up: the reconciler drains, or leads no more", metadata: metadata)
        case .terminal(let error):
            failure = error
            logger.error("reconcile failed for good: \(error)", metadata: metadata)
        case .failed(let error):
            failure = error
            let isConflict = (error as? ObjectError)?.reason == .conflict
            logger.log(level: isConflict ? .info : .error, "reconcile failed: \(error)", metadata: metadata)
        }
        guard settings.recordsFailures, let object = life.cache.object(item.key) else { return }
        life.scope.events.warning(object, "ReconcileFailed", "\(failure)")
    }
}
