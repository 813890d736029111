import WeirRuntime

/// The regular expressions that a group's members subscribe with, and the topics that they match.
///
/// What a pattern matches follows from it and the topics that there are, so that none of it is written down. New
/// patterns are looked up at once; where topics change, all are looked up again, but not more often than is set.
struct TopicPatterns: Sendable {
    private struct Entry {
        /// Nil: the text is none that is understood, and matches nothing. A later Kafka may have written it.
        var pattern: TextPattern?
        var memberCount: Int
        /// What it matches; nil: it was not looked up yet.
        var topics: [String]?
    }

    private var entries: [String: Entry] = [:]
    private var nextLook: MonotonicTime?
    /// Whether topics changed since the patterns were looked up.
    private(set) var isStale = false

    /// Notes that one more member has the pattern.
    mutating func add(_ text: String) {
        entries[text, default: Entry(pattern: try? TextPattern(text), memberCount: 0)].memberCount += 1
    }

    /// Notes that one member less has the pattern.
    mutating func remove(_ text: String) {
        guard let count = entries[text]?.memberCount else { return }
        if count > 1 { entries[text]?.memberCount = count - 1 } else { entries[text] = nil }
    }

    /// The topics that a pattern matched when it was looked up.
    subscript(text: String) -> [String] { entries[text]?.topics ?? [] }

    /// The topics that any pattern matched.
    var topics: Set<String> {
        entries.values.reduce(into: []) { $0.formUnion($1.topics ?? []) }
    }

    /// Whether a pattern matches the name.
    func match(_ name: String) -> Bool {
        entries.values.contains { entry in
            if let topics = entry.topics { return topics.contains(name) }
            return entry.pattern.map { !Self.isInternal(name) && $0.matches(name) } ?? false
        }
    }

    /// Whether it is time to look at the topics again.
    func mayLook(at now: MonotonicTime) -> Bool {
        guard !entries.isEmpty, let nextLook else { return true }
        return now >= nextLook
    }

    /// What was looked up may be wrong.
    mutating func topicsChanged() { isStale = !entries.isEmpty }

    /// Looks up what was not yet, and, where it is stale and time, everything.
    mutating func resolve(_ topics: TopicsImage, at now: MonotonicTime, every milliseconds: Int64) {
        let all = isStale && mayLook(at: now)
        if all {
            isStale = false
            nextLook = now + .milliseconds(milliseconds)
        }
        for (text, entry) in entries where all || entry.topics == nil {
            entries[text]?.topics =
                entry.pattern.map { pattern in
                    topics.topics.filter { !Self.isInternal($0.name) && pattern.matches($0.name) }.map(\.name)
                } ?? []
        }
    }

    /// A pattern for everything does not mean the coordinators' own logs; they can be named.
    private static func isInternal(_ name: String) -> Bool {
        name == "__consumer_offsets" || name == "__transaction_state"
    }
}
