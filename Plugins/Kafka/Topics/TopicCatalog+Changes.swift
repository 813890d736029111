internal import KafkaWire
internal import ObjectStore
internal import SegmentLog
internal import WeirRuntime

/// One topic's change: its object is written, and then waited for.
extension TopicCatalog {
    /// How long a creation that failed is waited for to be taken back.
    private static let takeBackMax: Duration = .seconds(10)
    /// How often a change is tried where others change the same object.
    private static let conflictsMax = 64

    /// Makes a topic and waits until it serves.
    ///
    /// - Parameter joins: Whether a topic that is there, or is being made by somebody else, will do.
    func make(
        _ plan: TopicRules.Plan, by deadline: MonotonicTime, orJoin joins: Bool = false
    ) async -> Result<TopicDescription, TopicError> {
        let what = "creating the topic '\(plan.name)'"
        return await reconciler.progress.following(plan.name) { follower in
            while true {
                do {
                    let made = try await objects.create(TopicObject.make(plan))
                    let result = await carriedOut(made, follower, by: deadline)
                    if case .failure(let error) = result, error.code != .requestTimedOut {
                        await takeBack(made, follower)
                    }
                    return result
                } catch let error as ObjectError where error.reason == .alreadyExists {
                    switch await existing(plan.name, follower, by: deadline, joins: joins) {
                    case .done(let result): return result
                    case .tryAgain: continue
                    }
                } catch {
                    return .failure(TopicError(error, while: what))
                }
            }
        }
    }

    private enum Existing {
        case done(Result<TopicDescription, TopicError>)
        case tryAgain
    }

    /// What to make of a topic of that name that is there already: one on its way out frees the name.
    private func existing(
        _ name: String, _ follower: TopicFollower, by deadline: MonotonicTime, joins: Bool
    ) async -> Existing {
        let object: Object
        do {
            guard let stored = try await reconciler.stored(TopicObject.key(name)) else { return .tryAgain }
            object = stored
        } catch {
            return .done(.failure(TopicError(error, while: "creating the topic '\(name)'")))
        }
        if object.metadata.isBeingDeleted, let id = TopicID(uid: object.metadata.uid) {
            switch await follower.gone(id, by: deadline) {
            case .success: return .tryAgain
            case .failure(let error): return .done(.failure(error))
            }
        }
        guard joins else { return .done(.failure(TopicRules.exists(name))) }
        return .done(await carriedOut(object, follower, by: deadline))
    }

    /// Waits until what an object asks for serves.
    private func carriedOut(
        _ object: Object, _ follower: TopicFollower, by deadline: MonotonicTime
    ) async -> Result<TopicDescription, TopicError> {
        guard let id = TopicID(uid: object.metadata.uid) else {
            return .failure(TopicError(.unknownServerError, "the object \(object.key) has no usable uid"))
        }
        let generation = object.metadata.generation
        if let topic = snapshot()[id], topic.generation >= generation { return .success(topic) }
        return await follower.served(id, generation: generation, by: deadline)
    }

    /// The object said that the topic is there, its partitions failed: neither may stay.
    private func takeBack(_ object: Object, _ follower: TopicFollower) async {
        guard let id = TopicID(uid: object.metadata.uid) else { return }
        let options = DeleteOptions(preconditions: Preconditions(uid: object.metadata.uid))
        guard (try? await objects.delete(object.key, options)) != nil else { return }
        _ = await follower.gone(id, by: clock.now + Self.takeBackMax)
    }

    /// Changes what is asked for of a topic, and waits until it is in force.
    ///
    /// - Parameters:
    ///   - planned: The topic, as the caller took it for.
    ///   - body: Changes the spec; gets the topic as it is asked for now. Called again where others change it too.
    func change(
        _ planned: TopicDescription, by deadline: MonotonicTime, named what: String,
        _ body: @Sendable (inout TopicSpec, TopicDescription) throws(TopicError) -> Void
    ) async -> Result<TopicDescription, TopicError> {
        await reconciler.progress.following(planned.name) { follower in
            for attempt in 1... {
                do {
                    guard var object = try await reconciler.stored(TopicObject.key(planned.name)),
                        object.metadata.uid == planned.id.uid, !object.metadata.isBeingDeleted
                    else { return .failure(Self.unknown) }
                    var spec = TopicSpec(object.spec)
                    try body(&spec, try TopicObject.description(of: object, broker: settings))
                    object.spec = spec.written(into: object.spec)
                    let changed = try await objects.update(object, .main)
                    return await carriedOut(changed, follower, by: deadline)
                } catch let error as ObjectError where error.reason == .conflict && attempt < Self.conflictsMax {
                    continue
                } catch {
                    return .failure(TopicError(error, while: "\(what) '\(planned.name)'"))
                }
            }
            preconditionFailure("the attempts are counted")
        }
    }

    /// Deletes a topic and waits until its name is free.
    func delete(_ reference: TopicReference, by deadline: MonotonicTime) async -> Result<TopicDescription, TopicError> {
        let topic: TopicDescription
        do throws(TopicError) {
            topic = try await existing(reference)
        } catch {
            return .failure(error)
        }
        guard !topic.isInternal else {
            return .failure(.deletionOfInternal(topic.name))
        }
        return await reconciler.progress.following(topic.name) { follower in
            let options = DeleteOptions(preconditions: Preconditions(uid: topic.id.uid))
            do {
                _ = try await objects.delete(TopicObject.key(topic.name), options)
            } catch {
                return .failure(TopicError(error, while: "deleting the topic '\(topic.name)'"))
            }
            return await follower.gone(topic.id, by: deadline).map { topic }
        }
    }

    /// The topic that is meant: one that is served, or one that could not be made yet.
    private func existing(_ reference: TopicReference) async throws(TopicError) -> TopicDescription {
        let snapshot = snapshot()
        switch reference {
        case .name(let name):
            if let topic = snapshot[name] { return topic }
            guard TopicName.complaint(about: name) == nil,
                let object = try? await reconciler.stored(TopicObject.key(name)),
                let topic = try? TopicObject.description(of: object, broker: settings)
            else { throw Self.unknown }
            return topic
        case .id(let id):
            if let topic = snapshot[id] { return topic }
            throw TopicError(.unknownTopicId, "This server does not host this topic ID.")
        }
    }

    private static var unknown: TopicError {
        TopicError(.unknownTopicOrPartition, "This server does not host this topic-partition.")
    }
}

extension TopicRules.Plan {
    /// The topic as it would be, without an id.
    var description: TopicDescription {
        TopicDescription(
            name: name, id: TopicID(high: 0, low: 0), partitionCount: partitionCount,
            replicationFactor: replicationFactor, configuration: configuration)
    }
}
