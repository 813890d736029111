/// The one word that admission and closing are decided on.
///
/// From the top: `[started:28][inFlight:32][waiting][readOnly][sealed][closed]`. Because all of it changes by one
/// atomic operation, a unit of work is either counted before the gate closes, or sees it closed. `started` is on
/// top, so that it wraps off without touching its neighbours.
@usableFromInline
package struct GateWord: Hashable, Sendable {
    @usableFromInline package var bits: UInt64

    @inlinable
    package init(bits: UInt64) {
        self.bits = bits
    }

    /// A word with the counts given and no flag set; `started` is taken modulo 2^28.
    package init(started: UInt64, inFlight: UInt32 = 0) {
        bits = started << Self.startedShift | UInt64(inFlight) << Self.inFlightShift
    }

    @inlinable package static var closed: UInt64 { 1 << 0 }
    @inlinable package static var sealed: UInt64 { 1 << 1 }
    @inlinable package static var readOnly: UInt64 { 1 << 2 }
    @inlinable package static var waiting: UInt64 { 1 << 3 }

    @inlinable package static var inFlightShift: UInt64 { 4 }
    @inlinable package static var startedShift: UInt64 { 36 }
    @inlinable package static var inFlightMask: UInt64 { 0xFFFF_FFFF << inFlightShift }
    @inlinable package static var oneInFlight: UInt64 { 1 << inFlightShift }
    /// What an admission adds: one started, one in flight.
    @inlinable package static var oneEntry: UInt64 { 1 << startedShift | oneInFlight }

    /// What keeps out a root that reads.
    @inlinable package static var barsReads: UInt64 { closed | sealed | waiting }
    /// What keeps out a root that writes.
    @inlinable package static var barsWrites: UInt64 { barsReads | readOnly }

    package var isClosed: Bool { bits & Self.closed != 0 }
    package var isSealed: Bool { bits & Self.sealed != 0 }
    package var isReadOnly: Bool { bits & Self.readOnly != 0 }
    package var isWaiting: Bool { bits & Self.waiting != 0 }

    /// How many units are between their start and their end.
    @inlinable package var inFlight: UInt32 { UInt32(truncatingIfNeeded: bits >> Self.inFlightShift) }

    /// How many units were admitted, modulo 2^28.
    @inlinable package var started: UInt64 { bits >> Self.startedShift }

    /// Whether going from here to `next` crossed a half turn of `started`.
    ///
    /// Half turns and not turns are counted, so that whoever reads the count before the word can tell by the parity
    /// that the crossing which the word already shows is not counted yet.
    @inlinable
    package func crossesHalfTurn(to next: GateWord) -> Bool {
        (bits ^ next.bits) >> 63 != 0
    }

    /// All units that were ever admitted, given the half turns that were counted before this word was read.
    package func startedTotal(halfTurns: UInt64) -> UInt64 {
        let missing = (halfTurns ^ (started >> 27)) & 1
        return ((halfTurns &+ missing) >> 1) << 28 | started
    }
}
