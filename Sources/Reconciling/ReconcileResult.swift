/// What is to become of a key after a reconcile that went well.
public struct ReconcileResult: Sendable, Hashable {
    enum Next: Sendable, Hashable {
        case nothing
        case retry
        case later(Duration)
    }

    let next: Next

    /// Nothing more: the next change brings it back.
    public static let done = ReconcileResult(next: .nothing)

    /// Again, after the key's back-off, as if it had failed: for what is not there yet.
    ///
    /// Where it is known how long that takes, `requeue(after:)` is better.
    public static let requeue = ReconcileResult(next: .retry)

    /// Again after a delay, or sooner where something changes; at once where the delay is not above zero.
    public static func requeue(after delay: Duration) -> ReconcileResult {
        ReconcileResult(next: .later(delay))
    }
}

/// A failure that trying again will not mend: the key rests until the next change.
///
/// ```swift
/// guard let size = Size(widget.spec.size) else { throw TerminalError("spec.size is no size: \(widget.spec.size)") }
/// ```
public struct TerminalError: Error, CustomStringConvertible {
    /// What is wrong.
    public var reason: any Error

    /// A failure that is for good.
    public init(_ reason: any Error) {
        self.reason = reason
    }

    /// A failure that is for good, in a sentence.
    public init(_ message: String) {
        reason = Message(text: message)
    }

    /// The sentence.
    public var description: String { "\(reason)" }

    private struct Message: Error, CustomStringConvertible {
        var text: String
        var description: String { text }
    }
}
