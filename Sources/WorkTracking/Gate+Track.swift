/// Whether work that is tracked vouches for what it begins.
public enum LineageBinding: Sendable, Hashable {
    /// A request, a reconcile, a tick: what it begins is let in while components drain. Costs about 0.3 µs.
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
    @inlinable
    public func track<Success>(
        _ name: StaticString, key: @autoclosure () -> String? = nil, access: Access = .write,
        lineage: LineageBinding = .root, _ body: () async throws -> Success
    ) async throws -> Success {
        if !admitAtOnce(access) { try await admitWaiting(access) }
        let permit = permit(as: name, key: key())
        do {
            // Only a root pays for a binding; the choice is made here so that a leaf is one call.
            let success: Success =
                switch lineage {
                case .root: try await bound(body)
                case .leaf: try await body()
                }
            permit.end(.succeeded)
            return success
        } catch {
            permit.end(error is CancellationError ? .cancelled : .failed)
            throw error
        }
    }

    /// Runs `body` as one operation on this thread, and counts how it ended; at the limit it is refused.
    ///
    /// It binds no lineage: what `body` begins elsewhere is not let in while components drain.
    ///
    /// - Throws: `WorkRejected` where it is refused, and what `body` throws.
    @inlinable
    public func trackNow<Success>(
        _ name: StaticString, key: @autoclosure () -> String? = nil, access: Access = .write,
        _ body: () throws -> Success
    ) throws -> Success {
        if !admitAtOnce(access) { try admit(access, .askLineage) }
        let permit = permit(as: name, key: key())
        do {
            let success = try body()
            permit.end(.succeeded)
            return success
        } catch {
            permit.end(error is CancellationError ? .cancelled : .failed)
            throw error
        }
    }

    /// Runs `body` as the root of what it begins.
    @usableFromInline
    func bound<Success>(_ body: () async throws -> Success) async throws -> Success {
        let outer = Lineage.current
        if let outer, outer.covers(domain) { return try await body() }
        return try await Lineage.$current.withValue(Lineage(domain, outer: outer)) { try await body() }
    }
}
