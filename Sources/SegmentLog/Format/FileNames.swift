/// The names in a data folder and in a log's folder (docs/formats/log.md, "Files").
enum FileNames {
    static let logSuffix = ".log"
    static let offsetIndexSuffix = ".index"
    static let timeIndexSuffix = ".timeindex"
    static let deletedSuffix = ".deleted"
    /// Ends the name of a segment's file that a cleaning pass wrote, until it takes the place of the old one.
    static let cleanedSuffix = ".cleaned"
    /// Ends the name of the file that says that cleaned files are to take the place of old ones.
    static let swapSuffix = ".swap"
    static let swapDraft = "swap.draft"
    static let cleaningPoint = "cleaning-point"
    static let cleaningPointDraft = "cleaning-point.draft"
    static let checkpoint = "checkpoint"
    static let checkpointDraft = "checkpoint.draft"
    /// What a stop may leave behind of files that are replaced as a whole.
    static let drafts: Set<String> = [checkpointDraft, swapDraft, cleaningPointDraft]
    static let recoveryPoint = "recovery-point"
    /// Begins the name of a deleted log's folder: no topic's folder begins so.
    static let deletedFolderPrefix = ".deleted."

    /// The base offset with 20 digits: what the files of a segment are called.
    static func stem(_ baseOffset: Int64) -> String {
        let digits = String(baseOffset)
        return String(repeating: "0", count: max(0, 20 - digits.count)) + digits
    }

    /// The base offset in the name of a segment's log file; nil: another file.
    static func baseOffset(ofLogFile name: String) -> Int64? {
        baseOffset(of: name, suffix: logSuffix)
    }

    /// The base offset in the name of a swap's file; nil: another file.
    static func baseOffset(ofSwap name: String) -> Int64? {
        baseOffset(of: name, suffix: swapSuffix)
    }

    private static func baseOffset(of name: String, suffix: String) -> Int64? {
        guard name.hasSuffix(suffix) else { return nil }
        let stem = name.dropLast(suffix.count)
        guard stem.count == 20, stem.allSatisfy(\.isASCIIDigit) else { return nil }
        return Int64(stem)
    }

    /// Topic and partition in the name of a log's folder; nil: another folder.
    static func topicPartition(ofFolder name: String) -> (topic: String, partition: Int32)? {
        guard !name.hasPrefix(deletedFolderPrefix), let dash = name.lastIndex(of: "-") else { return nil }
        let topic = name[..<dash]
        let digits = name[name.index(after: dash)...]
        guard !topic.isEmpty, topic.utf8.count <= 249, !digits.isEmpty, digits.allSatisfy(\.isASCIIDigit),
            digits == "0" || digits.first != "0", let partition = Int32(digits)
        else { return nil }
        return (String(topic), partition)
    }

    /// What a deleted log's folder is called until it is unlinked.
    static func deletedFolder(_ identity: LogIdentity) -> String {
        "\(deletedFolderPrefix)\(hex(identity.topicID.high))\(hex(identity.topicID.low)).\(identity.partition)"
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension Character {
    var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
