/// Whether work that is tracked vouches for what it begins.
public enum LineageBinding: Sendable, Hashable {
    /// A request, a reconcile, a tick: what it begins is let in while components drain. Costs about 0.5 µs.
    case root
    /// A step that begins no tracked work of its own, or runs inside of a root.
    case leaf
}

extension Gate {
    /// Runs `body` as one operation, and counts how it ended; at the limit it waits for its turn.
    ///
    /// A `CancellationError` counts as cancelled, every other error as failed. `key` is only computed where the
    /// component lists its operations.
    ///
    /// - Throws: `WorkRejected` where it is refused, `CancellationError` where it is cancelled before its turn came,
    ///   and what `body` throws.
    public func track<Success>(
        _ name: StaticString, key: @autoclosure () -> String? = nil, access: Access = .write,
        lineage: LineageBinding = .root, _ body: () async throws -> Success
    ) async throws -> Success {
        if !admitAtOnce(access) { try await admitWaiting(access) }
        let permit = permit(as: name, key: key())
        do {
            let success = try await bound(lineage, body)
            permit.end(.succeeded)
            return success
        } catch {
            permit.end(error is CancellationError ? .cancelled : .failed)
            throw error
        }
    }

    private func bound<Success>(
        _ lineage: LineageBinding, _ body: () async throws -> Success
    ) async throws -> Success {
        guard lineage == .root, !Lineage.covers(domain) else { return try await body() }
        let link = Lineage(domain: domain, outer: Lineage.current)
        return try await Lineage.$current.withValue(link) { try await body() }
    }
}
