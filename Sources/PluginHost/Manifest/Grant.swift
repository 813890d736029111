internal import ObjectStore

/// What may be done with objects of some kinds, or with records of some topics.
///
/// In a manifest it is what a plugin asks for, in the configuration what it gets: both write it the same way.
public struct Grant: Sendable, Hashable {
    /// The kinds: `ConfigMap`, `Widget.example.com`, or `*` for all.
    public var kinds: [String]
    /// The topics: names, or beginnings of names with a `*` behind.
    public var topics: [String]
    /// Only objects in these namespaces; empty: in all.
    public var namespaces: [String]
    /// What may be done.
    public var verbs: [Verb]

    /// Leave to do that.
    public init(kinds: [String] = [], topics: [String] = [], namespaces: [String] = [], verbs: [Verb]) {
        self.kinds = kinds
        self.topics = topics
        self.namespaces = namespaces
        self.verbs = verbs
    }

    /// Whether it covers a verb on an object.
    func covers(_ verb: Verb, _ kind: ObjectKind, namespace: String?) -> Bool {
        guard verbs.contains(verb), kinds.contains(where: { $0 == "*" || $0 == kind.description }) else { return false }
        guard !namespaces.isEmpty else { return true }
        return namespace.map(namespaces.contains) ?? false
    }

    /// Whether it covers a verb on a topic.
    func covers(_ verb: Verb, topic: String) -> Bool {
        verbs.contains(verb)
            && topics.contains { $0.hasSuffix("*") ? topic.hasPrefix($0.dropLast()) : topic == $0 }
    }
}

/// One thing that can be done with an object or a topic.
public enum Verb: String, Sendable, Hashable, CaseIterable {
    /// Read one object.
    case get
    /// Read the objects of a kind.
    case list
    /// Be told of changes.
    case watch
    /// Make objects.
    case create
    /// Replace objects or their status.
    case update
    /// Change objects in part.
    case patch
    /// Ask for objects to go.
    case delete
    /// Append records.
    case produce
    /// Read records.
    case consume

    /// Those on objects.
    public static let onObjects: [Verb] = [.get, .list, .watch, .create, .update, .patch, .delete]
    /// Those on topics.
    public static let onTopics: [Verb] = [.produce, .consume]
}

/// All that one plugin may do.
struct Grants: Sendable, Hashable {
    private let grants: [Grant]

    /// What is granted, and reading the kinds that the plugin reconciles, which reconciling them is.
    init(_ grants: [Grant], reconciling kinds: [ObjectKind]) {
        self.grants =
            grants
            + (kinds.isEmpty ? [] : [Grant(kinds: kinds.map(\.description), verbs: [.get, .list, .watch])])
    }

    /// Whether a verb on an object is granted; a nil namespace means all of them.
    func allow(_ verb: Verb, _ kind: ObjectKind, namespace: String?) -> Bool {
        grants.contains { $0.covers(verb, kind, namespace: namespace) }
    }

    /// Whether a verb on a topic is granted.
    func allow(_ verb: Verb, topic: String) -> Bool {
        grants.contains { $0.covers(verb, topic: topic) }
    }

    /// What a manifest asks for and nobody granted, as words: `create ConfigMap`.
    func missing(of needs: [Grant]) -> [String] {
        needs.flatMap { need in
            need.verbs.flatMap { verb in
                need.kinds.filter { !allow(verb, kindText: $0) }.map { "\(verb.rawValue) \($0)" }
                    + need.topics.filter { !covers(verb, topicPattern: $0) }.map { "\(verb.rawValue) topic \($0)" }
            }
        }
    }

    private func allow(_ verb: Verb, kindText: String) -> Bool {
        grants.contains { $0.verbs.contains(verb) && ($0.kinds.contains("*") || $0.kinds.contains(kindText)) }
    }

    private func covers(_ verb: Verb, topicPattern: String) -> Bool {
        grants.contains { grant in
            grant.verbs.contains(verb)
                && grant.topics.contains {
                    $0 == topicPattern || $0.hasSuffix("*") && topicPattern.hasPrefix($0.dropLast())
                }
        }
    }
}

extension ObjectKind {
    /// Weir's own kinds, which stand without their group.
    private static let ofWeir: Set<String> = ["Topic", "Partition", "Node", "Component"]

    /// Reads `ConfigMap`, `Topic`, `Widget.example.com`; nil where it is no kind.
    init?(pluginText text: String) {
        guard let first = text.unicodeScalars.first, ("A"..."Z").contains(first) else { return nil }
        let isName = { (part: Substring) in
            !part.isEmpty
                && part.unicodeScalars.allSatisfy {
                    $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0))
                }
        }
        guard let dot = text.firstIndex(of: ".") else {
            guard isName(text[...]) else { return nil }
            self.init(group: Self.ofWeir.contains(text) ? "weir" : "", name: text)
            return
        }
        let group = text[text.index(after: dot)...]
        let isGroup = group.unicodeScalars.allSatisfy {
            ("a"..."z").contains($0) || ("0"..."9").contains($0) || $0 == "." || $0 == "-"
        }
        guard isName(text[..<dot]), !group.isEmpty, isGroup else { return nil }
        self.init(group: String(group), name: String(text[..<dot]))
    }
}
