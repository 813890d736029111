import Synchronization

/// The paths of a gate that are not the open one.
extension Gate {
    /// How it is found out whether work was begun by admitted work.
    @usableFromInline
    enum Standing {
        case nested
        case root
        /// Read the task's lineage, but only once the gate would refuse a root.
        case askLineage
    }

    /// What became of somebody who asked for admission.
    enum Verdict {
        case admitted
        case refused(WorkRejected.Reason)
    }

    @usableFromInline
    @inline(never)
    func admit(_ access: Access, _ standing: Standing) throws(WorkRejected) {
        guard case .refused(let reason) = tryAdmit(access, standing) else { return }
        throw reject(reason)
    }

    @usableFromInline
    @inline(never)
    func admit(_ access: Access, under parent: Unmanaged<Gate>) throws(WorkRejected) {
        let isOurs = parent._withUnsafeGuaranteedRef { $0.domain === domain }
        try admit(access, isOurs ? .nested : .askLineage)
    }

    /// The whole rule of admission, without waiting; a refusal is not counted here.
    func tryAdmit(_ access: Access, _ standing: Standing) -> Verdict {
        var standing = standing
        var old = word.load(ordering: .relaxed)
        while true {
            let found = GateWord(bits: old)
            if found.isSealed { return .refused(.draining) }
            if let reason = barring(found, access) {
                if case .askLineage = standing { standing = Lineage.covers(domain) ? .nested : .root }
                guard case .nested = standing else { return .refused(reason) }
            }
            let result = word.weakCompareExchange(
                expected: old, desired: old &+ GateWord.oneEntry,
                successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if result.exchanged {
                noteAdmission(found)
                return .admitted
            }
            old = result.original
        }
    }

    /// Why a root may not enter; nil where it may.
    private func barring(_ found: GateWord, _ access: Access) -> WorkRejected.Reason? {
        if found.isClosed { return .draining }
        if found.isReadOnly, access == .write { return .readOnly }
        if found.isWaiting || found.bits & GateWord.inFlightMask >= limit { return .overLimit }
        return nil
    }

    /// Counts one more unit without asking: the caller holds a permit of this gate.
    func admitFork() {
        let old = word.wrappingAdd(GateWord.oneEntry, ordering: .acquiringAndReleasing).oldValue
        noteAdmission(GateWord(bits: old))
    }

    @usableFromInline
    @inline(never)
    func raisePeak(_ inFlight: UInt32) {
        peak.max(inFlight, ordering: .relaxed)
        recentPeak.max(inFlight, ordering: .relaxed)
    }

    /// Counts an end that was no success; before the unit leaves, so that whoever sees zero sees it.
    @usableFromInline
    @inline(never)
    func count(_ outcome: Outcome) {
        switch outcome {
        case .succeeded: break
        case .failed: failed.wrappingAdd(1, ordering: .relaxed)
        case .cancelled: cancelled.wrappingAdd(1, ordering: .relaxed)
        case .abandoned: abandoned.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// Counts a refusal and makes its error.
    func reject(_ reason: WorkRejected.Reason) -> WorkRejected {
        switch reason {
        case .draining: rejectedDraining.wrappingAdd(1, ordering: .relaxed)
        case .readOnly: rejectedReadOnly.wrappingAdd(1, ordering: .relaxed)
        default: rejectedOverLimit.wrappingAdd(1, ordering: .relaxed)
        }
        return WorkRejected(component: name, reason: reason)
    }

    /// Ends one unit where somebody waits for a slot or for the end.
    ///
    /// The gate is retained while the unit is still counted: once it is not, unregistering may let the gate go.
    @usableFromInline
    @inline(never)
    static func leaveWatched(_ gate: Unmanaged<Gate>) {
        retain(gate)
        gate._withUnsafeGuaranteedRef { gate in
            let old = GateWord(
                bits: gate.word.wrappingSubtract(GateWord.oneInFlight, ordering: .acquiringAndReleasing).oldValue)
            precondition(old.inFlight > 0, "an operation of \(gate.name) ended that had not begun")
            if old.isWaiting { gate.settleQueue() }
            if old.isClosed, old.inFlight == 1 { gate.domain.zeroReached.fire() }
        }
        release(gate)
    }

    // Calls, so that the optimiser does not take the pair for superfluous.
    @inline(never)
    private static func retain(_ gate: Unmanaged<Gate>) { _ = gate.retain() }

    @inline(never)
    private static func release(_ gate: Unmanaged<Gate>) { gate.release() }
}

/// Closing and opening, which the registry does.
extension Gate {
    /// Refuses new roots, sessions and loops from here on, and those that queue at once.
    @discardableResult
    func close() -> GateWord {
        let old = word.bitwiseOr(GateWord.closed, ordering: .acquiringAndReleasing).oldValue
        presence.bitwiseOr(PresenceWord.closed, ordering: .acquiringAndReleasing)
        settleQueue()
        return GateWord(bits: old)
    }

    /// Refuses nested work too. Only a closed gate is sealed.
    ///
    /// - Returns: Whether the gate is sealed.
    func seal() -> Bool {
        var old = word.load(ordering: .relaxed)
        while old & GateWord.closed != 0 {
            let result = word.weakCompareExchange(
                expected: old, desired: old | GateWord.sealed,
                successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if result.exchanged { return true }
            old = result.original
        }
        return false
    }

    /// Opens a closed gate, sealed or not, that has nothing in flight.
    ///
    /// - Returns: Whether the gate is open.
    func reopen() -> Bool {
        var old = word.load(ordering: .relaxed)
        while old & GateWord.closed != 0 {
            guard old & GateWord.inFlightMask == 0 else { return false }
            let result = word.weakCompareExchange(
                expected: old, desired: old & ~(GateWord.closed | GateWord.sealed),
                successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if result.exchanged {
                presence.bitwiseAnd(~PresenceWord.closed, ordering: .acquiringAndReleasing)
                return true
            }
            old = result.original
        }
        return true
    }

    /// Whether it is sealed and holds nothing, so that only the registry could change that.
    var isIdleForEver: Bool {
        let word = currentWord
        let presence = currentPresence
        return word.isSealed && word.inFlight == 0 && presence.sessions == 0 && presence.loops == 0
    }

    func setReadOnly() {
        word.bitwiseOr(GateWord.readOnly, ordering: .acquiringAndReleasing)
        refuseQueuedWriters()
    }

    func setWritable() {
        word.bitwiseAnd(~GateWord.readOnly, ordering: .acquiringAndReleasing)
    }
}

/// Sessions and loops.
extension Gate {
    /// Counts one session, or refuses it.
    ///
    /// - Throws: `WorkRejected` while the component drains.
    public func openSession() throws(WorkRejected) -> Session {
        try beginPresence(.session)
        return Session(gate: self)
    }

    /// Counts one loop, or refuses it. Drain waits until the handle ended.
    ///
    /// - Throws: `WorkRejected` while the component drains.
    public func startLoop() throws(WorkRejected) -> LoopHandle {
        try beginPresence(.loop)
        return LoopHandle(gate: self)
    }

    var currentPresence: PresenceWord { PresenceWord(bits: presence.load(ordering: .acquiring)) }

    private func beginPresence(_ kind: PresenceWord.Kind) throws(WorkRejected) {
        var old = presence.load(ordering: .relaxed)
        while old & PresenceWord.closed == 0 {
            let result = presence.weakCompareExchange(
                expected: old, desired: old &+ kind.one,
                successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if result.exchanged { return }
            old = result.original
        }
        throw reject(.draining)
    }

    func endPresence(_ kind: PresenceWord.Kind) {
        let old = PresenceWord(
            bits: presence.wrappingSubtract(kind.one, ordering: .acquiringAndReleasing).oldValue)
        if old.isClosed, old.count(of: kind) == 1 { domain.zeroReached.fire() }
    }
}
