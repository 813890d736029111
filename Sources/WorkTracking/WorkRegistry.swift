import Synchronization

/// All components of a process that do work: their gates, their counts, and the way they are drained.
///
/// Safe on any thread. A component costs under 256 bytes, unless it lists its operations.
public final class WorkRegistry: Sendable {
    struct State: Sendable {
        /// By name.
        var gates: [Gate] = []
        var isShuttingDown = false
    }

    let domain = WorkDomain()
    /// Fires when the clock advanced, and when a component came, went, closed or opened.
    let changed = ChangeSignal()
    /// How often a component came, went, closed or opened.
    let changeCount = Atomic<UInt64>(0)
    let state = Guarded(State())

    /// A registry without components. Its clock stands until it is advanced.
    public init() {}

    /// Adds a component.
    ///
    /// While the process shuts down its gate begins closed: only work that admitted work began is let in.
    ///
    /// - Throws: `WorkRegistryError.Code.duplicateName` where a component has the name.
    @discardableResult
    public func register(_ name: String, _ options: GateOptions = GateOptions()) throws -> Gate {
        try register(name, options, started: 0)
    }

    /// Adds a component of which `started` units were admitted already.
    package func register(_ name: String, _ options: GateOptions, started: UInt64) throws -> Gate {
        let gate = try state.withLock { state throws(WorkRegistryError) in
            let index = Self.index(of: name, in: state.gates)
            if index < state.gates.count, state.gates[index].name == name {
                throw WorkRegistryError(.duplicateName, [name])
            }
            let gate = Gate(name: name, options: options, domain: domain, started: started)
            if state.isShuttingDown { gate.close() }
            state.gates.insert(gate, at: index)
            return gate
        }
        noteChange()
        return gate
    }

    /// Removes a component, once all its work, loops and sessions have ended. Its gate stays closed for ever.
    ///
    /// - Throws: `WorkRegistryError.Code.unknownName`; `CancellationError` where the task is cancelled while it
    ///   waits: then the component is still registered, and closed.
    public func unregister(_ name: String) async throws {
        guard let gate = gate(named: name) else { throw WorkRegistryError(.unknownName, [name]) }
        while true {
            guard await drain(gates: [gate]) == .drained, await sessionsEnded(of: [gate]) == .drained else {
                throw CancellationError()
            }
            let removed = state.withLock { state -> Bool? in
                guard let index = state.gates.firstIndex(where: { $0 === gate }) else { return nil }
                guard gate.isIdleForEver else { return false }
                state.gates.remove(at: index)
                return true
            }
            // Nil: somebody else removed it. False: it was opened again in between, so wait again.
            guard let removed else { return }
            guard removed else { continue }
            noteChange()
            Unmanaged.passUnretained(gate).release()
            return
        }
    }

    /// The gate of the component, if there is one of the name.
    public func gate(named name: String) -> Gate? {
        state.withLock { state in
            let index = Self.index(of: name, in: state.gates)
            guard index < state.gates.count, state.gates[index].name == name else { return nil }
            return state.gates[index]
        }
    }

    /// The gates of all components, by name.
    public var gates: [Gate] { state.withLock { $0.gates } }

    /// Sets the coarse clock that ages of operations are told by, in nanoseconds of any epoch.
    ///
    /// To be called by the owner's ticker; it also wakes those who follow `snapshots`.
    public func advanceClock(to nowNanoseconds: Int64) {
        domain.now.store(nowNanoseconds, ordering: .relaxed)
        changed.fire()
    }

    func noteChange() {
        changeCount.wrappingAdd(1, ordering: .releasing)
        changed.fire()
    }

    static func contains(_ gate: Gate, in gates: [Gate]) -> Bool {
        let index = index(of: gate.name, in: gates)
        return index < gates.count && gates[index] === gate
    }

    /// Where the name is, or would be inserted.
    private static func index(of name: String, in gates: [Gate]) -> Int {
        var low = 0
        var high = gates.count
        while low < high {
            let middle = (low + high) / 2
            if gates[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
