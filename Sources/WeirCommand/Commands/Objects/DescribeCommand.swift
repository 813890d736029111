import ArgumentParser
import NIOHTTP1
import ObjectStore

/// `weir describe`: everything about objects, for people, with what happened to them.
struct DescribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Shows everything about objects, and their events: KIND [NAME ...].")

    @Argument(help: "The kind, and the names; or KIND/NAME.") var words: [String] = []
    @OptionGroup var selectors: SelectorOptions
    @OptionGroup var options: ObjectOptions

    func run() async throws {
        try await options.withClient { client in
            let namespace = options.namespace ?? ObjectOptions.defaultNamespace
            var objects: [JSONValue] = []
            for choice in try ObjectChoice.parse(words, among: try await client.kinds()) {
                for name in choice.names ?? [] {
                    objects.append(try await client.json(.GET, choice.kind.path(namespace: namespace, name: name)))
                }
                guard choice.names == nil else { continue }
                let list = try await client.json(
                    .GET, choice.kind.path(namespace: namespace) + queryText(selectors.query))
                objects += list["items"]?.arrayValue ?? []
            }
            if objects.isEmpty { StandardError.write("No resources found in \(namespace) namespace.") }
            for (number, object) in objects.enumerated() {
                if number > 0 { StandardOutput.print("\n") }
                StandardOutput.print(ObjectDescription(object, events: try await events(of: object, client)).text)
            }
        }
    }

    private func events(of object: JSONValue, _ client: ObjectClient) async throws -> [JSONValue] {
        guard let uid = object["metadata"]?["uid"]?.stringValue else { return [] }
        let selector = "involvedObject.uid=\(uid)".addingURLQueryEscapes()
        return try await client.jsonIfThere(.GET, "/api/v1/events?fieldSelector=\(selector)")?["items"]?.arrayValue
            ?? []
    }
}

/// An object as indented lines: what it is called, what it carries, what happened to it.
struct ObjectDescription {
    private let object: JSONValue
    private let events: [JSONValue]

    init(_ object: JSONValue, events: [JSONValue]) {
        self.object = object
        self.events = events
    }

    /// The lines, without a line end after the last.
    var text: String {
        let metadata = object["metadata"] ?? [:]
        var lines = [
            pair("Name", metadata["name"]), pair("Namespace", metadata["namespace"]),
            pair("Kind", object["kind"]), pair("API Version", object["apiVersion"]),
        ].compactMap { $0 }
        lines += block("Labels", metadata["labels"])
        lines += block("Annotations", metadata["annotations"])
        for name in ["creationTimestamp", "deletionTimestamp", "generation", "resourceVersion", "uid"] {
            if let line = pair(Self.title(name), metadata[name]) { lines.append(line) }
        }
        lines += block("Finalizers", metadata["finalizers"])
        lines += block("Owner References", metadata["ownerReferences"])
        let rest = (object.objectValue ?? [:]).filter { !["apiVersion", "kind", "metadata"].contains($0.key) }
        for (name, value) in rest.sorted(by: { $0.key < $1.key }) { lines += tree(Self.title(name), value, 0) }
        return (lines + eventLines).joined(separator: "\n")
    }

    private func pair(_ title: String, _ value: JSONValue?) -> String? {
        guard let value, value != .null else { return nil }
        return "\(title):".padded(to: 20) + (value.stringValue ?? value.text)
    }

    private func block(_ title: String, _ value: JSONValue?) -> [String] {
        guard let value else { return [] }
        return tree(title, value, 0)
    }

    private func tree(_ title: String, _ value: JSONValue, _ depth: Int) -> [String] {
        let blanks = String(repeating: "  ", count: depth)
        switch value {
        case .object(let members) where members.isEmpty: return ["\(blanks)\(title):".padded(to: 20) + "{}"]
        case .object(let members):
            let inner = members.sorted { $0.key < $1.key }.flatMap { key, value in
                tree(key, value, depth + 1)
            }
            return ["\(blanks)\(title):"] + inner
        case .array(let elements) where elements.isEmpty: return ["\(blanks)\(title):".padded(to: 20) + "[]"]
        case .array(let elements):
            let inner = elements.flatMap { element -> [String] in
                guard case .object(let members) = element else {
                    return ["\(blanks)  - \(element.stringValue ?? element.text)"]
                }
                let lines = members.sorted { $0.key < $1.key }.flatMap { tree($0.key, $0.value, depth + 2) }
                let marked = lines.first.map { "\(blanks)  - " + $0.dropFirst(blanks.count + 4) }
                return (marked.map { [$0] } ?? []) + lines.dropFirst()
            }
            return ["\(blanks)\(title):"] + inner
        default: return ["\(blanks)\(title):".padded(to: 20) + (value.stringValue ?? value.text)]
        }
    }

    private var eventLines: [String] {
        guard !events.isEmpty else { return ["Events:".padded(to: 20) + "<none>"] }
        let rows = events.map { event in
            [
                event["type"]?.stringValue ?? "", event["reason"]?.stringValue ?? "",
                (event["count"]?.integerValue).map(String.init) ?? "1", event["lastTimestamp"]?.stringValue ?? "",
                event["source"]?["component"]?.stringValue ?? "", event["message"]?.stringValue ?? "",
            ]
        }
        let table = Table(headings: ["TYPE", "REASON", "COUNT", "LAST", "FROM", "MESSAGE"], rows: rows, numeric: [2])
        return ["Events:"] + table.text.split(separator: "\n").map { "  " + $0 }
    }

    /// `creationTimestamp` as `Creation Timestamp`.
    private static func title(_ name: String) -> String {
        var title = ""
        for (index, character) in name.enumerated() {
            if character.isUppercase, index > 0 { title += " " }
            title += index == 0 ? character.uppercased() : String(character)
        }
        return title == "Uid" ? "UID" : title
    }
}

extension String {
    /// With blanks behind it, at least one.
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(1, width - count))
    }
}
