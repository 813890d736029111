import ObjectStore
import Yams

extension JSONValue {
    /// The value as JSON for people: members in order, two blanks a level.
    func indentedText(_ level: Int = 0) -> String {
        let inner = String(repeating: "  ", count: level + 1)
        let outer = String(repeating: "  ", count: level)
        switch self {
        case .object(let members) where !members.isEmpty:
            let lines = members.sorted { $0.key < $1.key }.map { key, value in
                "\(inner)\(JSONValue.string(key).text): \(value.indentedText(level + 1))"
            }
            return "{\n\(lines.joined(separator: ",\n"))\n\(outer)}"
        case .array(let elements) where !elements.isEmpty:
            let lines = elements.map { inner + $0.indentedText(level + 1) }
            return "[\n\(lines.joined(separator: ",\n"))\n\(outer)]"
        default:
            return text
        }
    }
}

extension ObjectPrinter {
    /// The value as YAML, members of objects in Kubernetes' order: apiVersion, kind, metadata, spec, the rest.
    static func yaml(_ value: JSONValue) -> String {
        (try? Yams.serialize(node: node(value, isObject: true))) ?? ""
    }

    private static func node(_ value: JSONValue, isObject: Bool = false) -> Yams.Node {
        switch value {
        case .null: return Yams.Node("null", Tag(.null))
        case .bool(let flag): return Yams.Node(flag ? "true" : "false", Tag(.bool))
        case .integer(let number): return Yams.Node("\(number)", Tag(.int))
        case .number(let number): return Yams.Node("\(number)", Tag(.float))
        case .string(let text): return Self.text(text)
        case .array(let elements): return Yams.Node(elements.map { node($0, isObject: true) })
        case .object(let members):
            let first = isObject ? ["apiVersion", "kind", "metadata", "spec"] : []
            let keys = first.filter { members[$0] != nil } + members.keys.filter { !first.contains($0) }.sorted()
            return Yams.Node(keys.map { (Self.text($0), node(members[$0] ?? .null, isObject: $0 == "items")) })
        }
    }

    /// A string, in quotes where it would be read as something else.
    private static func text(_ text: String) -> Yams.Node {
        let plain = Yams.Node(text)
        let isTaken = text.isEmpty || plain.tag != Tag(.str)
        if text.contains("\n") { return Yams.Node(text, Tag(.str), .literal) }
        return isTaken ? Yams.Node(text, Tag(.str), .doubleQuoted) : Yams.Node(text, Tag(.str))
    }
}
