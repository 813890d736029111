/// What a replica wants done: everything that came up since the last one.
///
/// Without asynchronous storage writes, in this order: store `hardState`, then `snapshot` or `entries` (the
/// stored log is cut at the first of them), and sync if `mustSync`; send `messages`; apply
/// `committedEntries`; `Replica.advance`. A leader may not send earlier: `messages` holds answers that
/// vouch for what is stored.
///
/// With them: send `messages`, of which those to the append and the apply thread carry all the other
/// work; do the work of each thread in order, and deliver each work's responses when it is done (for
/// the append thread: durable). There is no `advance`.
public struct Ready: Sendable {
    /// Who leads and what the replica does, where it changed.
    public var softState: SoftState?
    /// What to store, where it changed.
    public var hardState: HardState?
    /// Answers to read requests.
    public var readStates: [ReadState] = []
    /// Entries to store.
    public var entries: [Entry] = []
    /// A snapshot to store in place of the log; never together with entries.
    public var snapshot: Snapshot?
    /// Entries to apply. A change of the membership goes to `Replica.apply` at its place among them.
    public var committedEntries: [Entry] = []
    /// Messages to send, in order.
    public var messages: [Message] = []
    /// Whether term, vote or entries change, so that the write must be synced.
    public var mustSync = false

    /// Whether there is nothing to do.
    public var isEmpty: Bool {
        softState == nil && hardState == nil && readStates.isEmpty && entries.isEmpty && snapshot == nil
            && committedEntries.isEmpty && messages.isEmpty
    }
}
