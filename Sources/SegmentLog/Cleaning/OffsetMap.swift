/// The last offset of each key in the dirty part of a log: 24 bytes a key, in memory that is bounded.
///
/// A hash table of 128-bit key hashes with linear probing. It begins small and grows in place inside of the memory that it
/// was given, which the kernel backs only as it is touched. One thread at a time.
///
/// `@unchecked Sendable`: a pass hands it from one of the disk's threads to the next, and one at a time has it.
final class OffsetMap: @unchecked Sendable {
    private struct Slot {
        var hash: KeyHash
        /// The offset plus 1; 0: the slot is free.
        var mark: UInt64
    }

    /// What a key takes.
    static let slotSizeBytes = MemoryLayout<Slot>.stride
    private static let slotsMin = 1 << 12
    /// While the table grows: an entry that is not in its new place yet.
    private static let unplaced: UInt64 = 1 << 63

    /// Keys in it.
    private(set) var count = 0
    /// Keys that it can hold at most.
    let countMax: Int
    private let slotsMax: Int
    private let load: Double
    private let slots: UnsafeMutablePointer<Slot>
    private var slotCount: Int
    private var growsAt: Int

    /// A map in at most `sizeBytesMax` of memory (one of a few keys takes a little more), filled up to `load` of it.
    init(sizeBytesMax: Int, load: Double) {
        let load = min(max(load, 0.05), 0.95)
        self.load = load
        slotsMax = max(sizeBytesMax / Self.slotSizeBytes, 4)
        countMax = max(1, Int(Double(slotsMax) * load))
        slots = .allocate(capacity: slotsMax)
        slotCount = min(Self.slotsMin, slotsMax)
        growsAt = min(countMax, max(1, Int(Double(slotCount) * load)))
        slots.initialize(repeating: Slot(hash: KeyHash(low: 0, high: 0), mark: 0), count: slotCount)
    }

    deinit {
        slots.deallocate()
    }

    /// Whether no new key fits.
    var isFull: Bool { count >= countMax }

    /// Notes that the key has a record at `offset`, later than those before. False where there is no room for its key.
    func put(_ hash: KeyHash, _ offset: Int64) -> Bool {
        var place = place(of: hash)
        if slots[place].mark == 0 {
            guard count < countMax else { return false }
            if count >= growsAt {
                grow()
                place = self.place(of: hash)
            }
            count += 1
        }
        slots[place] = Slot(hash: hash, mark: UInt64(offset) + 1)
        return true
    }

    /// The last offset of the key; nil: it has none here.
    func offset(of hash: KeyHash) -> Int64? {
        let mark = slots[place(of: hash)].mark
        return mark == 0 ? nil : Int64(mark - 1)
    }

    /// The slot that holds the key, or the free one where it belongs.
    private func place(of hash: KeyHash) -> Int {
        var place = home(of: hash)
        while slots[place].mark != 0, slots[place].hash != hash { place = next(place) }
        return place
    }

    private func home(of hash: KeyHash) -> Int {
        Int(hash.low.multipliedFullWidth(by: UInt64(slotCount)).high)
    }

    private func next(_ place: Int) -> Int { place + 1 == slotCount ? 0 : place + 1 }

    /// Doubles the table where it stands: marks every entry, then puts one after another where it belongs now, and goes
    /// on with the marked one that stood there.
    private func grow() {
        let before = slotCount
        slotCount = min(before * 2, slotsMax)
        growsAt = slotCount == slotsMax ? countMax : Int(Double(slotCount) * load)
        (slots + before).initialize(
            repeating: Slot(hash: KeyHash(low: 0, high: 0), mark: 0), count: slotCount - before)
        for place in 0..<before where slots[place].mark != 0 { slots[place].mark |= Self.unplaced }
        for place in 0..<before where slots[place].mark & Self.unplaced != 0 {
            var moving = slots[place]
            slots[place].mark = 0
            while true {
                moving.mark &= ~Self.unplaced
                var target = home(of: moving.hash)
                while slots[target].mark != 0, slots[target].mark & Self.unplaced == 0 { target = next(target) }
                let displaced = slots[target]
                slots[target] = moving
                if displaced.mark == 0 { break }
                moving = displaced
            }
        }
    }
}
