public import Synchronization

/// Admits, counts and refuses the work of one component.
///
/// Safe on any thread. Entering and ending cost two atomic read-modify-writes together: no lock, no allocation, no
/// clock. A registered gate lives until it is unregistered, which waits for its work; a gate made without a registry
/// lives as long as the process.
public final class Gate: Sendable {
    /// The component's name.
    public let name: String

    let domain: WorkDomain
    let queue: AdmissionQueue?
    @usableFromInline let slowOperations: SlowOperationTable?
    let rejectedDraining = Atomic<UInt64>(0)
    let rejectedReadOnly = Atomic<UInt64>(0)
    let rejectedOverLimit = Atomic<UInt64>(0)

    // What follows is written by every unit of work. It stands behind 80 bytes and before 60 of its own, so that
    // neither another object nor this one's reference count shares its cache line.
    @usableFromInline let word: Atomic<UInt64>
    /// The limit, shifted to where the word keeps `inFlight`.
    @usableFromInline let limit: UInt64
    /// Since the last scrape. Never above `peak`, so that a unit compares with this one only.
    @usableFromInline let recentPeak = Atomic<UInt32>(0)
    let peak = Atomic<UInt32>(0)
    @usableFromInline let startedHalfTurns: Atomic<UInt64>
    let presence = Atomic<UInt64>(0)
    let failed = Atomic<UInt64>(0)
    let cancelled = Atomic<UInt64>(0)
    let abandoned = Atomic<UInt64>(0)
    /// The most that was ever reported, so that a counter derived from moving ones never falls.
    let succeededReported = Atomic<UInt64>(0)

    /// A gate that is open and belongs to no registry.
    public convenience init(name: String) {
        self.init(name: name, options: GateOptions(), domain: WorkDomain(), started: 0)
    }

    /// A gate of which `started` units were admitted already.
    init(name: String, options: GateOptions, domain: WorkDomain, started: UInt64) {
        let countMax = options.maxConcurrent.map { UInt64(clamping: $0) } ?? .max
        precondition(countMax > 0, "a gate that admits nothing is a closed one: \(name)")
        self.name = name
        self.domain = domain
        self.word = Atomic(GateWord(started: started).bits)
        self.startedHalfTurns = Atomic(started >> 27)
        self.limit = min(countMax, 0xFFFF_FFFF) << GateWord.inFlightShift
        self.queue = options.maxConcurrent.map { _ in AdmissionQueue(countMax: options.queueCountMax) }
        self.slowOperations =
            switch options.slowOperations {
            case .counted: nil
            case .listed: SlowOperationTable()
            }
        // Permits do not keep their gate: it keeps itself, until the registry has seen the last of them end.
        _ = Unmanaged.passRetained(self)
    }

    /// Whether new roots are refused: the component drains, or is drained.
    public var isClosed: Bool { currentWord.isClosed }

    /// Whether new roots that write are refused.
    public var isReadOnly: Bool { currentWord.isReadOnly }

    var currentWord: GateWord { GateWord(bits: word.load(ordering: .acquiring)) }

    /// Admits one operation, or refuses it; at the limit it is refused and never waits.
    ///
    /// - Throws: `WorkRejected`, unless the current task was begun by admitted work.
    @inlinable
    public func enter(_ access: Access = .write) throws(WorkRejected) -> Permit {
        if !admitAtOnce(access) { try admit(access, .askLineage) }
        return Permit(gate: .passUnretained(self))
    }

    /// Admits one operation that an admitted one began: also while the gate is closed, read-only or full.
    ///
    /// - Throws: `WorkRejected` where the gate is sealed: then nothing that is admitted was left to begin it.
    @inlinable
    public func enter(_ access: Access = .write, under parent: borrowing Permit) throws(WorkRejected) -> Permit {
        if !admitAtOnce(access) { try admit(access, under: parent.gate) }
        return Permit(gate: .passUnretained(self))
    }

    /// The open path: true where nothing bars the way, and then the unit is counted.
    ///
    /// A compare-exchange and not add-then-undo, so that a refused caller never makes the count blip.
    @inlinable
    @inline(__always)
    func admitAtOnce(_ access: Access) -> Bool {
        let bars: UInt64 =
            switch access {
            case .read: GateWord.barsReads
            case .write: GateWord.barsWrites
            }
        var old = word.load(ordering: .relaxed)
        while old & bars == 0, old & GateWord.inFlightMask < limit {
            let result = word.weakCompareExchange(
                expected: old, desired: old &+ GateWord.oneEntry,
                successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if result.exchanged {
                noteAdmission(GateWord(bits: old))
                return true
            }
            old = result.original
        }
        return false
    }

    /// What follows an admission that found the word `old`.
    @inlinable
    @inline(__always)
    func noteAdmission(_ old: GateWord) {
        let new = GateWord(bits: old.bits &+ GateWord.oneEntry)
        if old.crossesHalfTurn(to: new) { startedHalfTurns.wrappingAdd(1, ordering: .releasing) }
        if new.inFlight > recentPeak.load(ordering: .relaxed) { raisePeak(new.inFlight) }
    }

    /// Ends one unit. Nothing of the gate may be touched after the count fell on an open gate.
    @inlinable
    @inline(__always)
    static func leave(_ gate: Unmanaged<Gate>, _ outcome: Outcome, _ slot: UInt8) {
        let hasLeft = gate._withUnsafeGuaranteedRef { gate in
            if slot != SlowOperationTable.none { gate.releaseSlot(slot) }
            switch outcome {
            case .succeeded: break
            case .failed, .cancelled, .abandoned: gate.count(outcome)
            }
            var old = gate.word.load(ordering: .relaxed)
            while old & (GateWord.closed | GateWord.waiting) == 0 {
                let result = gate.word.weakCompareExchange(
                    expected: old, desired: old &- GateWord.oneInFlight,
                    successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
                if result.exchanged { return true }
                old = result.original
            }
            return false
        }
        if !hasLeft { leaveWatched(gate) }
    }
}
