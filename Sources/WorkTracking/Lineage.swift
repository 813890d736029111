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
/// Bound at coarse roots only, because binding costs a fraction of a microsecond; read only after a gate would refuse.
enum Lineage: Sendable {
    @TaskLocal static var current: Lineage?

    /// Work of a domain; no allocation, because nearly all work is of one.
    case root(WorkDomain)
    /// Work of a domain, begun by work of others.
    indirect case nested(WorkDomain, outer: Lineage)

    init(_ domain: WorkDomain, outer: Lineage?) {
        self = if let outer { .nested(domain, outer: outer) } else { .root(domain) }
    }

    /// Whether the current task was begun by work that a gate of `domain` admitted.
    static func covers(_ domain: WorkDomain) -> Bool {
        current?.covers(domain) ?? false
    }

    /// Whether this, or what it is nested in, was admitted by a gate of `domain`.
    func covers(_ domain: WorkDomain) -> Bool {
        var lineage = self
        while true {
            switch lineage {
            case .root(let found): return found === domain
            case .nested(let found, let outer):
                if found === domain { return true }
                lineage = outer
            }
        }
    }
}
