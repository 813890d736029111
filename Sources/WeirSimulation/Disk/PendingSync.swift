import Synchronization
public import WeirRuntime

/// A sync that was begun and has not ended: what a disk of a simulation with an event queue of its own holds on to.
///
/// Whether it succeeds is decided when it begins, for what is written at that moment; the files become
/// durable when it ends. A power cut in between loses it.
public struct PendingSync: Sendable {
    let ticket: DiskState.SyncTicket
}

extension SimulatedDisk {
    /// Begins to sync the files; nothing is durable until `finishSync`.
    ///
    /// For simulations that keep their own time. Syncs may be ended in any order: one that ends late never
    /// undoes what a later one brought to the device.
    public func beginSync(_ files: [any DiskFile]) -> PendingSync {
        let handles = files.map(handle)
        return PendingSync(ticket: state.withLock { $0.beginSync(handles, files.map(\.path)) })
    }

    /// Ends a sync that was begun on this disk: one result a file, in the order of the files.
    public func finishSync(_ pending: PendingSync) -> [Result<Void, DiskError>] {
        state.withLock { $0.finishSync(pending.ticket) }
    }
}
