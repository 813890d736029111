/// Versions in one piece, both ends included; "5+" has no upper end.
struct VersionRange: Equatable {
    static let openEnd = Int(Int16.max)

    let lowest: Int
    let highest: Int

    init(_ lowest: Int, _ highest: Int) {
        precondition(lowest <= highest, "an empty range of versions is nil")
        self.lowest = lowest
        self.highest = highest
    }

    /// The range written in `text`: "4", "0-12" or "9+"; nil for "none".
    init?(parsing text: String) throws(DefinitionError) {
        guard text != "none" else { return nil }
        if text.hasSuffix("+"), let lowest = Int(text.dropLast()) {
            self.init(lowest, Self.openEnd)
            return
        }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard ends.count <= 2, let first = ends.first, let lowest = first, let last = ends.last, let highest = last,
            lowest <= highest
        else {
            throw DefinitionError("\"\(text)\" is no range of versions; expected \"4\", \"0-12\", \"9+\" or \"none\"")
        }
        self.init(lowest, highest)
    }

    var text: String {
        if highest == Self.openEnd { return "\(lowest)+" }
        return lowest == highest ? "\(lowest)" : "\(lowest)-\(highest)"
    }

    func contains(_ version: Int) -> Bool { version >= lowest && version <= highest }

    func intersection(_ other: VersionRange?) -> VersionRange? {
        guard let other else { return nil }
        let low = max(lowest, other.lowest)
        let high = min(highest, other.highest)
        return low <= high ? VersionRange(low, high) : nil
    }

    /// What Swift asks of `version` to be in here, when it is known to be in `possible`; nil when it always is.
    func condition(within possible: VersionRange) -> String? {
        var tests: [String] = []
        if lowest > possible.lowest { tests.append("version >= \(lowest)") }
        if highest < possible.highest { tests.append("version <= \(highest)") }
        return tests.isEmpty ? nil : tests.joined(separator: " && ")
    }

    /// The opposite of ``condition(within:)``; nil when no possible version is outside.
    func complement(within possible: VersionRange) -> String? {
        var tests: [String] = []
        if lowest > possible.lowest { tests.append("version < \(lowest)") }
        if highest < possible.highest { tests.append("version > \(highest)") }
        return tests.isEmpty ? nil : tests.joined(separator: " || ")
    }
}

/// What is wrong with a definition, for the person who runs the tool.
package struct DefinitionError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
