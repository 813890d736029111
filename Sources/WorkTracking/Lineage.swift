import Synchronization

/// What the gates of one registry share: whose work is nested in whose, the coarse clock, and the hints.
final class WorkDomain: Sendable {
    /// Fires when something that a drain may wait for reached zero.
    let zeroReached = ChangeSignal()
    /// Coarse nanoseconds, set by the owner's ticker; a unit of work never reads a clock.
    let now = Atomic<Int64>(0)
}

/// Which admitted work the current task belongs to.
///
/// Bound at coarse roots only, because binding costs half a microsecond; read only after a gate would refuse.
final class Lineage: Sendable {
    @TaskLocal static var current: Lineage?

    private let domain: WorkDomain
    private let outer: Lineage?

    init(domain: WorkDomain, outer: Lineage?) {
        self.domain = domain
        self.outer = outer
    }

    /// Whether the current task was begun by work that a gate of `domain` admitted.
    static func covers(_ domain: WorkDomain) -> Bool {
        var lineage = current
        while let link = lineage {
            if link.domain === domain { return true }
            lineage = link.outer
        }
        return false
    }
}
