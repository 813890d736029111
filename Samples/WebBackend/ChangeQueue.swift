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
    @discardableResult
    func add(_ change: ItemChange) -> Bool {
        if case .enqueued = feed.yield(change) { true } else { false }
    }

    /// The loop: handles one change after another; when the drain began what is left, until it is cancelled.
    func run(_ scope: HostedScope, _ handle: @Sendable (ItemChange) async throws -> Void) async {
        let closing = Task { [feed] in
            await scope.stopRequested()
            feed.finish()
        }
        defer { closing.cancel() }
        var lostCount = 0
        for await change in changes {
            // A cancelled stream still gives what it holds.
            guard !Task.isCancelled else {
                lostCount += 1
                continue
            }
            do {
                try await handle(change)
            } catch {
                scope.logger.warning("a change was not handled: \(error)", metadata: ["key": "\(change.key)"])
            }
        }
        if lostCount > 0 { scope.logger.warning("\(lostCount) changes were not handled in time") }
    }
}
