/// Consensus as a machine. The machine is whole; partitions are still local to one node.
public enum RaftPlugin {
    /// What `weir version` prints for the trait.
    public static let summary = "raft: consensus built in, not used yet (one node)"
}
