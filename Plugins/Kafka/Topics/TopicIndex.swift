internal import Synchronization

/// The topics that are served now: written by the topic reconciler, read by requests and by admission.
///
/// From any thread. A reader takes one snapshot and reads that without a lock.
final class TopicIndex: Sendable {
    private let current = Mutex(TopicsSnapshot())
    private let listeners = Mutex<[@Sendable () -> Void]>([])

    /// The topics as they are now.
    func snapshot() -> TopicsSnapshot { current.withLock { $0 } }

    /// Calls `body` after every change, on the thread that made it and before that goes on.
    func onChange(_ body: @escaping @Sendable () -> Void) { listeners.withLock { $0.append(body) } }

    func insert(_ topic: TopicDescription) {
        current.withLock { $0.insert(topic) }
        announce()
    }

    func insert(_ topics: [TopicDescription]) {
        current.withLock { snapshot in for topic in topics { snapshot.insert(topic) } }
        announce()
    }

    /// Puts `new` in the place of `old`, unless that is not there any more.
    func replace(_ old: TopicDescription, with new: TopicDescription) -> Bool {
        let isReplaced = current.withLock { snapshot in
            guard snapshot[old.name] === old else { return false }
            snapshot.insert(new)
            return true
        }
        if isReplaced { announce() }
        return isReplaced
    }

    func remove(_ topic: TopicDescription) {
        current.withLock { $0.remove(topic) }
        announce()
    }

    private func announce() {
        for body in listeners.withLock({ $0 }) { body() }
    }
}
