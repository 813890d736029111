internal import Logging
internal import Synchronization
internal import WorkTracking

/// What an operator asks of a component.
public enum DrainMode: String, Sendable, Hashable, CaseIterable {
    /// Refuse new work, finish what was admitted.
    case drain
    /// Refuse new work that writes, go on with what reads.
    case readOnly = "read-only"
}

extension Runtime {
    /// Drains a component and everything below it, or all but what observes; the process stays up.
    ///
    /// `kafka` is also `kafka/orders-0`. Returns at once: `waitUntilDrained` waits. Without a name the
    /// components drain level by level, as on the way down, and nothing is ever cancelled: an operator's
    /// drain has no deadline. Throws `unknownComponent`, and `shuttingDown` once the way down has begun.
    public func drain(_ name: String? = nil, mode: DrainMode = .drain) throws(RuntimeError) {
        let names = try operatorTargets(name)
        switch mode {
        case .readOnly: makeReadOnly(names)
        case .drain: drain(names, isEverything: name == nil)
        }
        changes.announce()
    }

    /// Lets a component and everything below it, or all, work again: takes back draining and read-only.
    ///
    /// Returns when they serve. One that still finishes admitted work first finishes it: what is half
    /// drained cannot be told apart from drained by those that wait for it. Throws as `drain` does.
    public func resume(_ name: String? = nil) async throws(RuntimeError) {
        let names = try operatorTargets(name)
        let readOnly = state.withLock { state in
            if name == nil {
                state.operatorTurn += 1
                state.operatorDrainBegan = nil
            }
            return names.filter { state.entries[$0]?.state == .readOnly }
        }
        workRegistry.setWritable(names.compactMap { gate(of: $0) })
        state.withLock { state in
            for name in readOnly { state.entries[name]?.state = .running }
        }
        for level in levels(of: names).reversed() {
            let closed = state.withLock { state in level.filter { state.entries[$0]?.drainBegan != nil } }
            await waitUntilDrained(closed)
            for name in closed { try await reopen(name) }
        }
        if name == nil {
            state.withLock { state in
                if state.phase == .running, state.operatorDrainBegan == nil { state.shown = .running }
            }
        }
        changes.announce()
    }

    /// Returns when a component and everything below it, or all, have nothing in flight and admit nothing.
    ///
    /// Also returns when they are resumed, removed, or the process has ended.
    public func waitUntilDrained(_ name: String? = nil) async throws(RuntimeError) {
        await waitUntilDrained(try operatorTargets(name))
    }

    // MARK: Shared with the way down

    /// A component whose drain has begun.
    struct DrainMember: Sendable {
        var name: String
        var gate: Gate
        var verb: Task<Void, Never>?
        var sessionGrace: Duration?
    }

    /// Closes the gates of the components and calls their `drain`, unless that was done before.
    ///
    /// An operator's drain gives its turn, and begins nothing where a resume has overruled it.
    func beginDrain(_ names: [String], turn: Int? = nil) -> [DrainMember] {
        let now = clock.now
        // Marked before the gates close: a resume that looks in between waits for this drain.
        let gates = state.withLock { state -> [Gate] in
            guard turn == nil || turn == state.operatorTurn else { return [] }
            for name in names {
                guard let entry = state.entries[name] else { continue }
                if !entry.hasFailed, entry.state != .drained { state.entries[name]?.state = .draining }
                state.entries[name]?.drainBegan = entry.drainBegan ?? now
            }
            return names.compactMap { state.entries[$0]?.gate }
        }
        guard !gates.isEmpty else { return [] }
        workRegistry.close(gates)
        let members = state.withLock { state in
            names.compactMap { name -> DrainMember? in
                guard var entry = state.entries[name] else { return nil }
                if entry.drainVerb == nil, entry.verbs.contains(.drain) {
                    let component = entry.component
                    entry.drainVerb = Task { await component.drain() }
                }
                state.entries[name] = entry
                return DrainMember(
                    name: name, gate: entry.gate, verb: entry.drainVerb, sessionGrace: entry.sessionGrace)
            }
        }
        changes.announce()
        return members
    }

    /// Records that nothing is in flight in a component any more, and wakes who waits for that.
    func noteDrained(_ names: [String]) {
        let now = clock.now
        let waiters = state.withLock { state in
            for name in names {
                guard var entry = state.entries[name] else { continue }
                if entry.state != .drained, let began = entry.drainBegan { entry.drainTime = now - began }
                if !entry.hasFailed { entry.state = .drained }
                entry.isDrained = true
                state.entries[name] = entry
            }
            return Self.takeDrainWaiters(&state)
        }
        for waiter in waiters { waiter.resume() }
        changes.announce()
    }

    func gate(of name: String) -> Gate? {
        state.withLock { $0.entries[name]?.gate }
    }

    // MARK: Operators

    private func operatorTargets(_ name: String?) throws(RuntimeError) -> [String] {
        let found: [String]? = state.withLock { state in
            guard state.phase == .running else { return nil }
            let started = state.entries.filter(\.value.isStarted).map(\.key)
            guard let name else { return started }
            return started.filter { $0 == name || $0.hasPrefix(name + "/") }
        }
        guard let found else { throw RuntimeError(.shuttingDown, "the process starts or goes down") }
        guard let name, found.isEmpty else { return found }
        throw RuntimeError(.unknownComponent, "no component \(name) runs here; `weir work` lists those there are")
    }

    private func makeReadOnly(_ names: [String]) {
        workRegistry.setReadOnly(names.compactMap { gate(of: $0) })
        state.withLock { state in
            for name in names where state.entries[name]?.state == .running { state.entries[name]?.state = .readOnly }
        }
    }

    private func drain(_ names: [String], isEverything: Bool) {
        let now = clock.now
        let turn = state.withLock { state in
            if isEverything {
                state.operatorDrainBegan = state.operatorDrainBegan ?? now
                state.shown = .draining
            }
            return state.operatorTurn
        }
        let levels = levels(of: names)
        // The first level closes before this returns, so that who asked sees it refuse.
        if let first = levels.first { _ = beginDrain(first, turn: turn) }
        Task {
            for level in levels {
                await drainLevel(level, turn)
            }
        }
    }

    private func drainLevel(_ names: [String], _ turn: Int) async {
        let members = beginDrain(names, turn: turn)
        guard !members.isEmpty else { return }
        for member in members { await member.verb?.value }
        guard await workRegistry.drain(gates: members.map(\.gate)) == .drained else { return }
        noteDrained(names)
    }

    private func reopen(_ name: String) async throws(RuntimeError) {
        let gate = state.withLock { state in
            state.entries[name].flatMap { $0.drainBegan == nil ? nil : $0.gate }
        }
        guard let gate else { return }
        do {
            try workRegistry.reopen(gates: [gate])
        } catch {
            throw RuntimeError(.shuttingDown, "\(error)")
        }
        let component: (any Component)? = state.withLock { state in
            guard var entry = state.entries[name] else { return nil }
            entry.drainVerb = nil
            entry.drainBegan = nil
            entry.drainTime = .zero
            entry.isDrained = false
            if !entry.hasFailed { entry.state = .running }
            state.entries[name] = entry
            return entry.verbs.contains(.drain) ? entry.component : nil
        }
        await component?.resume()
        changes.announce()
    }

    private func levels(of names: [String]) -> [[String]] {
        let edges = state.withLock { state in
            names.reduce(into: [String: [String]]()) { $0[$1] = state.entries[$1]?.dependencies }
        }
        return DependencyGraph(edges).levels()
    }

    func waitUntilDrained(_ names: [String]) async {
        guard !names.isEmpty else { return }
        await withCheckedContinuation { continuation in
            let isDrained = state.withLock { state in
                let left = Self.undrained(names, state)
                if !left.isEmpty { state.drainWaiters.append((left, continuation)) }
                return left.isEmpty
            }
            if isDrained { continuation.resume() }
        }
    }

    private static func undrained(_ names: some Sequence<String>, _ state: borrowing State) -> Set<String> {
        var left: Set<String> = []
        for name in names where state.entries[name]?.isDrained == false { left.insert(name) }
        return left
    }

    /// Takes out the waiters that have nothing left to wait for.
    static func takeDrainWaiters(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        guard !state.drainWaiters.isEmpty else { return [] }
        var ready: [CheckedContinuation<Void, Never>] = []
        var waiting: [(names: Set<String>, continuation: CheckedContinuation<Void, Never>)] = []
        for waiter in state.drainWaiters {
            let left = undrained(waiter.names, state)
            if left.isEmpty { ready.append(waiter.continuation) } else { waiting.append((left, waiter.continuation)) }
        }
        state.drainWaiters = waiting
        return ready
    }
}
