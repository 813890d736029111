import WeirRuntime

/// Cluster ids in Kafka's form: 128 random bits as 22 characters of URL-safe base64.
package enum ClusterID {
    package static func random() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var text = ""
        for _ in 0..<21 { text.append(alphabet[Int(ProcessRandom.bits() % 64)]) }
        // The last character stands for two bits only.
        text.append(alphabet[Int(ProcessRandom.bits() % 4) * 16])
        return text
    }
}

/// What uids are made of.
///
/// A topic's id is its uid, and like Kafka's ids none begins with `-` as text, which command lines would take for an
/// option.
enum TopicIDBits {
    @Sendable
    static func random() -> UInt64 {
        while true {
            let bits = ProcessRandom.bits()
            if bits >> 58 != 62 { return bits }
        }
    }
}
