import Synchronization

/// One operation that is running, as the list of slow operations shows it.
public struct SlowOperation: Sendable, Hashable {
    /// What it is: `put`, `reconcile`.
    public let name: String
    /// What it works on, cut at 48 bytes; empty where none was given.
    public let key: String
    /// Since when it runs, by the registry's coarse clock.
    public let ageNanoseconds: Int64
    /// What it is doing now, where it said so.
    public let phase: String?
}

/// The running operations of one component, in 64 fixed slots.
///
/// A slot is claimed by one compare-exchange; none free: the operation is not listed. Each slot is written by the
/// one thread that holds its permit, and read by anybody: a version, odd while it is written, tells torn reads.
@usableFromInline
final class SlowOperationTable: Sendable {
    /// The slot of an operation that is not listed.
    @inlinable static var none: UInt8 { .max }
    static let keyBytesMax = 48

    /// Words of a slot.
    private enum Field {
        static let version = 0
        static let since = 1
        static let name = 2
        static let nameCount = 3
        static let phase = 4
        static let phaseCount = 5
        static let keyCount = 6
        static let key = 7
        static let count = 13
    }

    /// A bit for each slot.
    private let claimed = Atomic<UInt64>(0)
    // Points to 64 slots of atomic words, which are only touched by atomic operations.
    private nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>

    init() {
        words = .allocate(capacity: 64 * Field.count)
        for index in 0..<64 * Field.count { (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
        words.deinitialize(count: 64 * Field.count)
        words.deallocate()
    }

    /// Lists an operation; `none` where no slot is free.
    func claim(_ name: StaticString, key: String?, since: Int64) -> UInt8 {
        var old = claimed.load(ordering: .relaxed)
        var slot: UInt8
        repeat {
            slot = UInt8((~old).trailingZeroBitCount)
            guard slot < 64 else { return Self.none }
            let result = claimed.weakCompareExchange(
                expected: old, desired: old | 1 << UInt64(slot),
                successOrdering: .acquiring, failureOrdering: .relaxed)
            if result.exchanged { break }
            old = result.original
        } while true
        write(slot) { base in
            Self.store(UInt64(bitPattern: since), base + Field.since)
            Self.store(name, base + Field.name)
            Self.store(UInt64(0), base + Field.phase)
            Self.store(key ?? "", base)
        }
        return slot
    }

    func setPhase(_ phase: StaticString, of slot: UInt8) {
        write(slot) { Self.store(phase, $0 + Field.phase) }
    }

    func release(_ slot: UInt8) {
        claimed.bitwiseAnd(~(1 << UInt64(slot)), ordering: .releasing)
    }

    /// The operations that are running, the oldest first.
    func running(now: Int64) -> [SlowOperation] {
        let listed = claimed.load(ordering: .acquiring)
        return (0..<64).compactMap { listed & 1 << UInt64($0) == 0 ? nil : read($0, now: now) }
            .sorted { $0.ageNanoseconds > $1.ageNanoseconds }
    }

    private func write(_ slot: UInt8, _ body: (UnsafeMutablePointer<Atomic<UInt64>>) -> Void) {
        let base = words + Int(slot) * Field.count
        base[Field.version].wrappingAdd(1, ordering: .relaxed)
        atomicMemoryFence(ordering: .releasing)
        body(base)
        base[Field.version].wrappingAdd(1, ordering: .releasing)
    }

    /// What the slot says; nil where it is changing hands.
    private func read(_ slot: Int, now: Int64) -> SlowOperation? {
        let base = words + slot * Field.count
        for _ in 0..<16 {
            let version = base[Field.version].load(ordering: .acquiring)
            guard version & 1 == 0 else { continue }
            let fields = (0..<Field.count).map { base[$0].load(ordering: .relaxed) }
            atomicMemoryFence(ordering: .acquiring)
            guard base[Field.version].load(ordering: .relaxed) == version else { continue }
            return SlowOperation(
                name: Self.literal(fields[Field.name], fields[Field.nameCount]) ?? "",
                key: Self.key(fields[Field.key...], byteCount: Int(fields[Field.keyCount])),
                ageNanoseconds: max(0, now &- Int64(bitPattern: fields[Field.since])),
                phase: Self.literal(fields[Field.phase], fields[Field.phaseCount]))
        }
        return nil
    }

    private static func store(_ value: UInt64, _ word: UnsafeMutablePointer<Atomic<UInt64>>) {
        word.pointee.store(value, ordering: .relaxed)
    }

    /// Stores where the literal is, and its length behind it: literals live as long as the process.
    private static func store(_ literal: StaticString, _ word: UnsafeMutablePointer<Atomic<UInt64>>) {
        guard literal.hasPointerRepresentation else { return store(0, word) }
        store(UInt64(UInt(bitPattern: literal.utf8Start)), word)
        store(UInt64(literal.utf8CodeUnitCount), word + 1)
    }

    private static func store(_ key: String, _ base: UnsafeMutablePointer<Atomic<UInt64>>) {
        var byteCount = 0
        var packed: UInt64 = 0
        for byte in cut(key).utf8 {
            packed |= UInt64(byte) << UInt64(byteCount % 8 * 8)
            byteCount += 1
            guard byteCount % 8 == 0 else { continue }
            store(packed, base + Field.key + byteCount / 8 - 1)
            packed = 0
        }
        if byteCount % 8 != 0 { store(packed, base + Field.key + byteCount / 8) }
        store(UInt64(byteCount), base + Field.keyCount)
    }

    /// The longest beginning of `key` that is whole characters of Unicode and fits.
    private static func cut(_ key: String) -> Substring {
        guard key.utf8.count > keyBytesMax else { return key[...] }
        var end = key.utf8.index(key.startIndex, offsetBy: keyBytesMax)
        while end.samePosition(in: key.unicodeScalars) == nil { end = key.utf8.index(before: end) }
        return key[..<end]
    }

    private static func literal(_ address: UInt64, _ count: UInt64) -> String? {
        guard let start = UnsafePointer<UInt8>(bitPattern: UInt(address)) else { return nil }
        return String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    private static func key(_ words: ArraySlice<UInt64>, byteCount: Int) -> String {
        let bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } }
        return String(decoding: bytes.prefix(byteCount), as: UTF8.self)
    }
}

/// Entering under a name.
extension Gate {
    /// Admits one operation and lists it among the running ones, if the component keeps that list.
    ///
    /// `key` is only computed where the list is kept, and cut at 48 bytes. `Permit.setPhase` says more.
    public func enter(
        _ access: Access = .write, as name: StaticString, key: @autoclosure () -> String? = nil
    ) throws(WorkRejected) -> Permit {
        if !admitAtOnce(access) { try admit(access, .askLineage) }
        return permit(as: name, key: key())
    }

    /// Admits one operation that an admitted one began, and lists it, if the component keeps that list.
    public func enter(
        _ access: Access = .write, as name: StaticString, key: @autoclosure () -> String? = nil,
        under parent: borrowing Permit
    ) throws(WorkRejected) -> Permit {
        if !admitAtOnce(access) { try admit(access, under: parent.gate) }
        return permit(as: name, key: key())
    }

    /// The permit of a unit that is counted already.
    @inlinable
    @inline(__always)
    func permit(as name: StaticString, key: @autoclosure () -> String?) -> Permit {
        guard slowOperations != nil else { return Permit(gate: .passUnretained(self)) }
        return Permit(gate: .passUnretained(self), slot: claimSlot(name, key: key()))
    }

    /// Lists an operation, where the component keeps that list.
    @usableFromInline
    @inline(never)
    func claimSlot(_ name: StaticString, key: String?) -> UInt8 {
        guard let slowOperations else { return SlowOperationTable.none }
        return slowOperations.claim(name, key: key, since: domain.now.load(ordering: .relaxed))
    }

    @usableFromInline
    func releaseSlot(_ slot: UInt8) {
        slowOperations?.release(slot)
    }
}
