import Logging
import WeirRuntime
import WorkTracking

/// Changes that a background task works through: bounded, and worked off when the drain begins.
final class ChangeQueue: Sendable {
    private let (changes, feed): (AsyncStream<ItemChange>, AsyncStream<ItemChange>.Continuation)

    /// A queue that refuses what it has no room for.
    init(countMax: Int) {
        (changes, feed) = AsyncStream.makeStream(of: ItemChange.self, bufferingPolicy: .bufferingOldest(countMax))
    }

    /// Queues a change; says whether there was room.
    func add(_ change: ItemChange) -> Bool {
        if case .enqueued = feed.yield(change) { true } else { false }
    }

    /// The loop: handles one change after another; after the drain began, what is left.
    func run(_ scope: HostedScope, _ handle: @Sendable (ItemChange) async throws -> Void) async {
        let closing = Task { [feed] in
            await scope.stopRequested()
            feed.finish()
        }
        defer { closing.cancel() }
        for await change in changes {
            do {
                try await handle(change)
            } catch {
                scope.logger.warning("a change was not handled: \(error)", metadata: ["key": "\(change.key)"])
            }
            if Task.isCancelled { return }
        }
    }
}
