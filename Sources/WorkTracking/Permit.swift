/// One admitted operation. Ending it twice does not compile; dropping it counts as abandoned.
///
/// It may be ended on any thread. Closures and futures cannot consume a captured permit: keep it in a
/// loop-confined request object as `var permit: Permit?` and `take()` it.
///
/// Frozen, although the package promises no binary stability, because `discard` in inlinable code asks for it.
@frozen
public struct Permit: ~Copyable, Sendable {
    /// Unmanaged, so that ending costs no reference count. A gate outlives its permits: unregistering it waits.
    @usableFromInline let gate: Unmanaged<Gate>
    /// Where the operation is listed among the slow ones; `SlowOperationTable.none` where it is not.
    @usableFromInline let slot: UInt8

    @inlinable
    init(gate: Unmanaged<Gate>, slot: UInt8 = SlowOperationTable.none) {
        self.gate = gate
        self.slot = slot
    }

    /// Ends the operation.
    @inlinable
    public consuming func end(_ outcome: Outcome = .succeeded) {
        Gate.leave(gate, outcome, slot)
        discard self
    }

    /// Counts one more unit at this operation's own gate, which therefore is not drained before both ended.
    ///
    /// It is never refused: what is in flight keeps its gate from being drained.
    public borrowing func fork() -> Permit {
        gate._withUnsafeGuaranteedRef { $0.admitFork() }
        return Permit(gate: gate)
    }

    /// Says what the operation is doing now, for the list of slow operations.
    ///
    /// Costs nothing where the operation is not listed. Only one thread at a time may call it.
    public borrowing func setPhase(_ phase: StaticString) {
        guard slot != SlowOperationTable.none else { return }
        let slot = slot
        gate._withUnsafeGuaranteedRef { $0.slowOperations?.setPhase(phase, of: slot) }
    }

    @inlinable
    deinit {
        Gate.leave(gate, .abandoned, slot)
    }
}
