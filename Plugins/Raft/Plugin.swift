/// Consensus as a machine. This release has only its trait: partitions are local to one node.
public enum RaftPlugin {
    /// What `weir version` prints for the trait.
    public static let summary = "raft: built in, not used yet (one node)"
}
