import ObjectStore

/// Objects as the rows of a table: Kubernetes' `Table`, which `weir get` and kubectl print as it is.
struct TableDocument {
    let definition: KindDefinition
    /// Now, for ages.
    let now: Timestamp

    /// The table of a list.
    func json(_ objects: [Object], metadata: JSONValue) -> JSONValue {
        [
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
            "columnDefinitions": .array(columns), "rows": .array(objects.map(row)),
        ]
    }

    private var columns: [JSONValue] {
        var columns: [JSONValue] = [column("Name", "string", "name", 0)]
        columns += definition.columns.map { column($0.name, $0.type, "", $0.priority) }
        columns.append(column("Age", "string", "", 0))
        return columns
    }

    private func column(_ name: String, _ type: String, _ format: String, _ priority: Int) -> JSONValue {
        // Dates are shown as ages.
        [
            "name": .string(name), "type": .string(type == "date" ? "string" : type), "format": .string(format),
            "description": "", "priority": .integer(Int64(priority)),
        ]
    }

    private func row(_ object: Object) -> JSONValue {
        var cells: [JSONValue] = [.string(object.metadata.name)]
        let json = object.json
        cells += definition.columns.map { cell($0, json) }
        cells.append(.string(object.metadata.creationTimestamp.map { Self.age($0, now) } ?? "<unknown>"))
        var metadata = json["metadata"] ?? [:]
        metadata["managedFields"] = nil
        let partial: JSONValue = [
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        ]
        return ["cells": .array(cells), "object": partial]
    }

    private func cell(_ column: KindDefinition.Column, _ object: JSONValue) -> JSONValue {
        guard let value = FieldPath(column.jsonPath).value(in: object) else { return .null }
        switch (column.type, value) {
        case ("date", .string(let text)): return .string(Timestamp(text).map { Self.age($0, now) } ?? text)
        case (_, .object), (_, .array): return .string(value.text)
        default: return value
        }
    }

    /// How long ago something was, in the two largest units that matter: `45s`, `5m10s`, `3h`, `12d`, `2y30d`.
    static func age(_ time: Timestamp, _ now: Timestamp) -> String {
        let seconds = max(0, now.secondsSince1970 - time.secondsSince1970)
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400)
        if seconds < 120 { return "\(seconds)s" }
        if minutes < 10 { return seconds % 60 == 0 ? "\(minutes)m" : "\(minutes)m\(seconds % 60)s" }
        if hours < 3 { return "\(minutes)m" }
        if hours < 8 { return minutes % 60 == 0 ? "\(hours)h" : "\(hours)h\(minutes % 60)m" }
        if days < 2 { return "\(hours)h" }
        if days < 8 { return hours % 24 == 0 ? "\(days)d" : "\(days)d\(hours % 24)h" }
        if days < 730 { return "\(days)d" }
        return "\(days / 365)y\(days % 365)d"
    }
}

/// A path into an object: `.spec.replicas[0]`, `.metadata.labels.app`, `.metadata.annotations.example\.com/x`.
struct FieldPath {
    private enum Step {
        case member(String)
        case element(Int)
    }
    private var steps: [Step] = []

    /// Reads a path; what is no number in brackets is taken for a member.
    init(_ text: String) {
        var name = ""
        var isEscaped = false
        for character in text {
            switch character {
            case _ where isEscaped:
                name.append(character)
                isEscaped = false
            case "\\": isEscaped = true
            case ".", "[":
                if !name.isEmpty { steps.append(.member(name)) }
                name = ""
            case "]":
                let member = name.trimming { $0 == "'" || $0 == "\"" }
                steps.append(Int(name).map { .element($0) } ?? .member(member))
                name = ""
            default: name.append(character)
            }
        }
        if !name.isEmpty { steps.append(.member(name)) }
    }

    /// What is there; nil where nothing is.
    func value(in object: JSONValue) -> JSONValue? {
        var value: JSONValue? = object
        for step in steps {
            switch step {
            case .member(let name): value = value?[name]
            case .element(let index):
                let elements = value?.arrayValue ?? []
                value = elements.indices.contains(index) ? elements[index] : nil
            }
        }
        return value
    }
}

extension String {
    fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> String {
        var rest = self[...]
        while let first = rest.first, isTrimmed(first) { rest.removeFirst() }
        while let last = rest.last, isTrimmed(last) { rest.removeLast() }
        return String(rest)
    }
}
