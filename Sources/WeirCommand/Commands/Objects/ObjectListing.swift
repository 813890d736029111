import NIOHTTP1
import ObjectStore

/// Lists and watches objects for a person.
struct ObjectListing {
    let client: ObjectClient
    /// Nil: all.
    let namespace: String?
    let query: [String]
    let printer: ObjectPrinter

    /// Prints what is there; one list where several kinds or names are meant.
    func print(_ choices: [ObjectChoice]) async throws {
        var missing: UsageError?
        var items: [JSONValue] = []
        var isFirst = true
        let isList = choices.count != 1 || choices.first?.names?.count != 1
        for choice in choices {
            let answers: [JSONValue]
            do {
                answers = try await answer(choice)
            } catch let error as UsageError where choices.count > 1 && error.code == .failed {
                StandardError.write("weir: \(error.description)")
                missing = error
                continue
            }
            switch printer.format {
            case .json, .yaml, .name:
                items += answers.flatMap { $0["items"]?.arrayValue ?? [$0] }
            case .table, .wide:
                let table = printer.merged(answers, showsNamespace: namespace == nil && choice.kind.isNamespaced)
                guard !table.rows.isEmpty else { continue }
                if !isFirst { StandardOutput.print("") }
                StandardOutput.print(printer.text(table))
                isFirst = false
            }
        }
        if printer.isTable, isFirst, missing == nil { StandardError.write("No resources found\(place).") }
        if !printer.isTable { printer.print(items, asList: isList) }
        if let missing { throw missing }
    }

    private var place: String { namespace.map { " in \($0) namespace" } ?? "" }

    private func answer(_ choice: ObjectChoice) async throws -> [JSONValue] {
        guard let names = choice.names else {
            let path = choice.kind.path(namespace: namespace)
            return [try await client.json(.GET, path + queryText(query), accept: printer.accept)]
        }
        guard namespace != nil || !choice.kind.isNamespaced else {
            throw UsageError.usage("an object cannot be named across all namespaces; leave out --all-namespaces")
        }
        var answers: [JSONValue] = []
        for name in names {
            answers.append(
                try await client.json(
                    .GET, choice.kind.path(namespace: namespace, name: name), accept: printer.accept))
        }
        return answers
    }

    /// Prints what is there, and every change after it.
    func watch(_ choice: ObjectChoice) async throws {
        var query = query
        if let name = choice.names?.first {
            query.append("fieldSelector=metadata.name%3D\(name.addingURLQueryEscapes())")
        }
        var widths: [Int] = []
        var hasHeadings = printer.hasHeadings
        try await client.watch(
            choice.kind.path(namespace: namespace) + queryText(query + ["watch=true"]), accept: printer.accept
        ) { event in
            guard let object = event["object"] else { return .more }
            if event["type"]?.stringValue == "ERROR" {
                throw UsageError.failed(object["message"]?.stringValue ?? "the watch failed")
            }
            switch printer.format {
            case .json: StandardOutput.print(object.text)
            case .yaml: StandardOutput.print("---\n" + ObjectPrinter.yaml(object), terminator: "")
            case .name: StandardOutput.print(ObjectPrinter.name(object))
            case .table, .wide:
                var table = printer.merged([object], showsNamespace: namespace == nil && choice.kind.isNamespaced)
                table.minimumWidths = widths
                widths = table.widths
                StandardOutput.print(printer.text(table, hasHeadings: hasHeadings))
                hasHeadings = false
            }
            StandardOutput.flush()
            return .more
        }
    }
}

/// `?a&b`; nothing where there is no part.
func queryText(_ parts: [String]) -> String { parts.isEmpty ? "" : "?" + parts.joined(separator: "&") }

/// Prints objects, and the tables that a node makes of them.
struct ObjectPrinter {
    var format: ObjectFormat
    var hasHeadings = true

    var isTable: Bool { format == .table || format == .wide }

    /// What to ask the node for.
    var accept: String {
        isTable ? "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" : "application/json"
    }

    /// The node's tables as one.
    func merged(_ documents: [JSONValue], showsNamespace: Bool) -> Table {
        let columns = (documents.first?["columnDefinitions"]?.arrayValue ?? []).enumerated().filter { _, column in
            format == .wide || (column["priority"]?.integerValue ?? 0) == 0
        }
        let headings = columns.map { ($1["name"]?.stringValue ?? "").uppercased() }
        var table = Table(headings: (showsNamespace ? ["NAMESPACE"] : []) + headings, rows: [])
        for row in documents.flatMap({ $0["rows"]?.arrayValue ?? [] }) {
            let cells = row["cells"]?.arrayValue ?? []
            let namespace = row["object"]?["metadata"]?["namespace"]?.stringValue ?? ""
            table.rows.append(
                (showsNamespace ? [namespace] : [])
                    + columns.map { index, _ in cells.indices.contains(index) ? Self.cell(cells[index]) : "" })
        }
        return table
    }

    func text(_ table: Table, hasHeadings: Bool? = nil) -> String {
        let text = table.text
        guard hasHeadings ?? self.hasHeadings else {
            return text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst().joined(separator: "\n")
        }
        return text
    }

    /// Prints objects: one as it is, several as a `List`.
    func print(_ items: [JSONValue], asList: Bool) {
        if format == .name {
            for item in items { StandardOutput.print(Self.name(item)) }
            return
        }
        let list: JSONValue = ["apiVersion": "v1", "kind": "List", "items": .array(items)]
        let document = asList ? list : items.first ?? .null
        if format == .json {
            StandardOutput.print(document.indentedText())
        } else {
            StandardOutput.print(Self.yaml(document), terminator: "")
        }
    }

    private static func cell(_ value: JSONValue) -> String {
        switch value {
        case .null: ""
        case .string(let text): text
        default: value.text
        }
    }

    /// `topic.weir/orders`.
    static func name(_ object: JSONValue) -> String {
        let kind = ObjectKind(
            apiVersion: object["apiVersion"]?.stringValue ?? "", kind: object["kind"]?.stringValue ?? "")
        let name = object["metadata"]?["name"]?.stringValue ?? ""
        let word = kind.name.lowercased()
        return kind.group.isEmpty ? "\(word)/\(name)" : "\(word).\(kind.group)/\(name)"
    }
}
