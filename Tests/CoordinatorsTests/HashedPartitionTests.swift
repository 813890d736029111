import Coordinators
import Testing

@Suite("Where a name's coordinator is")
struct HashedPartitionTests {
    @Test(
        "the partition is Java's hash of the name",
        arguments: [("", 0), ("a", 47), ("hello", 22), ("polygenelubricants", 0), ("Grüße-日本-😀", 21)]
            as [(String, Int32)])
    func javaHash(_ name: String, _ partition: Int32) {
        #expect(HashedPartition.of(name, among: 50) == partition)
    }
}
