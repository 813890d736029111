/// The changes to objects of one type, for one task at a time. It ends when the store closes or drains.
///
/// An object that is not as its type wants it ends the watch with `.invalid`; watch `client.objects` to see it.
public struct ResourceWatch<R: Resource>: AsyncSequence, Sendable {
    /// An event.
    public typealias Element = ResourceEvent<R>
    private let present: [Object]
    private let stream: WatchStream

    init(present: [Object], stream: WatchStream) {
        self.present = present
        self.stream = stream
    }

    /// Ends the watch.
    public func cancel() { stream.cancel() }

    /// Takes the events one after another.
    public func makeAsyncIterator() -> Iterator {
        Iterator(present: present[...], events: stream.makeAsyncIterator())
    }

    /// Takes the events one after another.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var present: ArraySlice<Object>
        fileprivate var events: WatchStream.Iterator

        /// The next event; nil at the end.
        public mutating func next() async throws -> ResourceEvent<R>? {
            if let object = present.popFirst() {
                return ResourceEvent(
                    .added(try object.decoded(as: R.self)), at: object.metadata.resourceVersion ?? .zero)
            }
            return try await events.next().map { try ResourceEvent($0) }
        }
    }
}

/// One change to an object of a type, as a watcher sees it.
public struct ResourceEvent<R: Resource>: Sendable {
    /// What happened.
    public enum Change: Sendable {
        /// It was created, began to match the selection, or was there when the watch began.
        case added(R)
        /// It was changed.
        case modified(R)
        /// It was removed, or does not match the selection any more; as it last was.
        case deleted(R)
        /// Nothing: all changes up to the event's resource version were delivered.
        case bookmark
    }

    /// What happened.
    public var change: Change
    /// The place of the change in the order: a later watch can go on after it.
    public var resourceVersion: ResourceVersion

    /// An event.
    public init(_ change: Change, at resourceVersion: ResourceVersion) {
        self.change = change
        self.resourceVersion = resourceVersion
    }

    /// The object that it is about; nil in a bookmark.
    public var resource: R? {
        switch change {
        case .added(let resource), .modified(let resource), .deleted(let resource): resource
        case .bookmark: nil
        }
    }

    init(_ event: WatchEvent) throws {
        resourceVersion = event.resourceVersion
        let resource = try event.object?.decoded(as: R.self)
        change =
            switch (event.change, resource) {
            case (.added, let resource?): .added(resource)
            case (.modified, let resource?): .modified(resource)
            case (.deleted, let resource?): .deleted(resource)
            case (.bookmark, _), (_, nil): .bookmark
            }
    }
}
