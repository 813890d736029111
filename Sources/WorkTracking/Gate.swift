import Synchronization

/// Admits, counts and refuses the work of one component.
public final class Gate: Sendable {
    /// The component's name.
    public let name: String
    private let word = Atomic<UInt64>(0)

    /// A gate that is open.
    public init(name: String) {
        self.name = name
    }

    /// Admits one operation, or refuses it.
    public func enter(_ access: Access = .write) throws(WorkRejected) -> Permit {
        word.wrappingAdd(1, ordering: .acquiringAndReleasing)
        return Permit(gate: Unmanaged.passUnretained(self))
    }

    /// Admits one operation that an admitted one began: also while the gate is closed, read-only or full.
    public func enter(_ access: Access = .write, under parent: borrowing Permit) throws(WorkRejected) -> Permit {
        try enter(access)
    }

    /// Counts one session, or refuses it.
    public func openSession() throws(WorkRejected) -> Session {
        Session(gate: Unmanaged.passUnretained(self))
    }

    func leave(_ outcome: Outcome) {
        word.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    }
}

/// One admitted operation. Ending it twice does not compile; dropping it counts as abandoned.
public struct Permit: ~Copyable, Sendable {
    let gate: Unmanaged<Gate>

    /// Ends the operation.
    public consuming func end(_ outcome: Outcome = .succeeded) {
        gate._withUnsafeGuaranteedRef { $0.leave(outcome) }
        discard self
    }

    deinit {
        gate._withUnsafeGuaranteedRef { $0.leave(.abandoned) }
    }
}

/// One open session: counted, not waited for beyond its grace. Dropping it closes it.
public struct Session: ~Copyable, Sendable {
    let gate: Unmanaged<Gate>

    /// Closes the session.
    public consuming func close() {}
}

/// What an operation does to what its component keeps.
public enum Access: Sendable, Hashable {
    /// Changes nothing; admitted while the component is read-only.
    case read
    /// Changes something.
    case write
}

/// How an operation ended.
public enum Outcome: Sendable, Hashable {
    /// It did what was asked.
    case succeeded
    /// It failed.
    case failed
    /// It was cancelled.
    case cancelled
    /// Nobody ended it.
    case abandoned
}

/// Work was refused at a gate.
public struct WorkRejected: Error, Hashable, CustomStringConvertible {
    /// Why.
    public struct Reason: Hashable, Sendable {
        /// The label in metrics and reports.
        public let label: String
        /// The component drains, or is drained.
        public static let draining = Reason(label: "draining")
        /// The component is read-only, and the work would write.
        public static let readOnly = Reason(label: "readOnly")
        /// The component is at its limit, and its queue is full or not used.
        public static let overLimit = Reason(label: "overLimit")
    }

    /// The component that refused.
    public var component: String
    /// Why.
    public var reason: Reason

    /// One sentence.
    public var description: String { "\(component) refuses work: \(reason.label)" }
}
