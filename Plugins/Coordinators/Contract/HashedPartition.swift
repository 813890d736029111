/// Where coordinators keep what belongs to a name: the partition of an internal topic.
public enum HashedPartition {
    /// The partition of `name` among `count`, as Kafka's clients and tools compute it: Java's string hash, without its
    /// sign, modulo the count.
    public static func of(_ name: String, among count: Int32) -> Int32 {
        precondition(count > 0, "an internal topic has partitions")
        var hash: Int32 = 0
        for unit in name.utf16 { hash = hash &* 31 &+ Int32(unit) }
        // Kafka's Utils.abs: the smallest number has no positive twin.
        return (hash == .min ? 0 : abs(hash)) % count
    }
}
