/// Which changes to be told of.
public struct WatchQuery: Sendable, Hashable {
    /// The objects.
    public var selection: ObjectSelection
    /// Whether bookmarks are wanted: events without an object that say how far the watcher is.
    public var sendsBookmarks: Bool

    /// Changes to the objects of a selection.
    public init(_ selection: ObjectSelection, sendsBookmarks: Bool = false) {
        self.selection = selection
        self.sendsBookmarks = sendsBookmarks
    }
}

/// One change, as a watcher sees it.
public struct WatchEvent: Sendable, Hashable {
    /// What happened.
    public enum Change: String, Sendable, Hashable {
        /// It was created, or began to match the selection.
        case added = "ADDED"
        /// It was changed.
        case modified = "MODIFIED"
        /// It was removed, or does not match the selection any more.
        case deleted = "DELETED"
        /// Nothing: all changes up to `resourceVersion` were delivered.
        case bookmark = "BOOKMARK"
    }

    /// What happened.
    public var change: Change
    /// The object as it became, of a removal as it last was; nil in a bookmark.
    public var object: Object?
    /// The place of the change in the order.
    public var resourceVersion: ResourceVersion

    /// An event.
    public init(_ change: Change, _ object: Object?, at resourceVersion: ResourceVersion) {
        self.change = change
        self.object = object
        self.resourceVersion = resourceVersion
    }
}

/// What a watch's events come from; a backend's side of `WatchStream`.
public protocol WatchSource: AnyObject, Sendable {
    /// The next events, at least one; waits for them. Nil: the watch was ended by the store's close or by `cancel`.
    ///
    /// Never called twice at once. Cancelling the task that waits ends the watch.
    /// - Throws: `ObjectError.expired` where the watcher was too slow.
    func next() async throws -> [WatchEvent]?

    /// Ends the watch; does nothing the second time.
    func cancel()
}

/// The changes of a watch, for one task at a time. It ends when the store is closed, and when it is let go of.
public struct WatchStream: AsyncSequence, Sendable {
    /// An event.
    public typealias Element = WatchEvent
    private let handle: Handle

    /// The events of a source.
    public init(_ source: any WatchSource) {
        handle = Handle(source)
    }

    /// Ends the watch.
    public func cancel() { handle.source.cancel() }

    /// The next events that are there, at least one; nil at the end. Cheaper than one after another.
    public func nextBatch() async throws -> [WatchEvent]? { try await handle.source.next() }

    /// Takes the events one after another.
    public func makeAsyncIterator() -> Iterator { Iterator(handle: handle) }

    /// Takes the events one after another.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let handle: Handle
        private var batch: [WatchEvent] = []
        private var position = 0

        fileprivate init(handle: Handle) { self.handle = handle }

        /// The next event; nil at the end.
        public mutating func next() async throws -> WatchEvent? {
            while position >= batch.count {
                guard let next = try await handle.source.next() else { return nil }
                batch = next
                position = 0
            }
            position += 1
            return batch[position - 1]
        }
    }

    /// Ends the watch when nobody can read it any more.
    fileprivate final class Handle: Sendable {
        let source: any WatchSource
        init(_ source: any WatchSource) { self.source = source }
        deinit { source.cancel() }
    }
}
