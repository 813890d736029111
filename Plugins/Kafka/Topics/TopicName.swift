/// Kafka's rules for names of topics.
enum TopicName {
    /// The longest name: its folder, with a partition's number and a suffix, must fit into 255 bytes.
    static let sizeMax = 249

    private static let internalNames: Set<String> = [InternalTopic.offsets, InternalTopic.transactions]

    /// Whether the broker keeps its own state in the topic of that name.
    static func isInternal(_ name: String) -> Bool { internalNames.contains(name) }

    /// What is wrong with `name`, in Kafka's words; nil: nothing.
    static func complaint(about name: String) -> String? {
        let prefix = "Topic name is invalid: "
        if name.isEmpty { return prefix + "the empty string is not allowed" }
        if name == "." || name == ".." { return prefix + "'\(name)' is not allowed" }
        if name.utf16.count > sizeMax {
            return prefix + "the length of '\(name)' is longer than the max allowed length \(sizeMax)"
        }
        guard name.utf8.allSatisfy(isLegal) else {
            return prefix
                + "'\(name)' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
        }
        return nil
    }

    /// The name with `.` as `_`, as metric systems spell it.
    static func metricName(_ name: String) -> String {
        String(decoding: name.utf8.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
    }

    private static func isLegal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
