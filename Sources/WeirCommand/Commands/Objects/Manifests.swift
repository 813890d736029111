import FoundationEssentials
import ObjectStore
import Yams

/// Objects that files describe: YAML or JSON, several in one file behind `---`, `List`s taken apart.
struct Manifests {
    /// An object, and where it stands.
    struct Document {
        var object: JSONValue
        var place: String
    }

    /// The documents of files and folders, in the order given; those of a folder by name. `-` is standard input.
    static func read(_ paths: [String], recursive: Bool) throws -> [Document] {
        var documents: [Document] = []
        for path in paths {
            for file in try files(at: path, recursive: recursive) {
                documents += try read(file)
            }
        }
        guard !documents.isEmpty else {
            throw UsageError.usage("no objects in \(paths.joined(separator: ", "))")
        }
        return documents
    }

    private static func files(at path: String, recursive: Bool) throws -> [String] {
        if path == "-" { return [path] }
        var isFolder = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw UsageError.usage("-f: there is no file or folder \(path)")
        }
        guard isFolder else { return [path] }
        var found: [String] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: path).sorted() {
            let inner = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
            var isInnerFolder = false
            _ = FileManager.default.fileExists(atPath: inner, isDirectory: &isInnerFolder)
            if isInnerFolder {
                if recursive { found += try files(at: inner, recursive: true) }
            } else if [".yaml", ".yml", ".json"].contains(where: name.hasSuffix) {
                found.append(inner)
            }
        }
        return found
    }

    private static func read(_ file: String) throws -> [Document] {
        let text = try contents(of: file)
        let name = file == "-" ? "standard input" : file
        do {
            var documents: [Document] = []
            // The sequence ends at the first error, and keeps it: nothing of such a file is taken.
            var nodes = try Yams.compose_all(yaml: text)
            var composed: [Yams.Node] = []
            while let node = nodes.next() { composed.append(node) }
            if let error = nodes.error { throw error }
            for (number, node) in composed.enumerated() {
                let place = number == 0 ? name : "\(name), document \(number + 1)"
                let value = try value(of: node, place)
                if value == .null { continue }
                documents += try objects(in: value, place)
            }
            return documents
        } catch let error as UsageError {
            throw error
        } catch let error as YamlError {
            throw UsageError.usage("\(name) is not YAML or JSON: \(error)".replacing("\n", with: " "))
        }
    }

    private static func contents(of file: String) throws -> String {
        var bytes: [UInt8] = []
        if file == "-" {
            while case let more = try StandardInput.read(1 << 16), !more.isEmpty { bytes += more }
        } else {
            do {
                bytes = Array(try Data(contentsOf: URL(filePath: file)))
            } catch {
                throw UsageError.usage("cannot read \(file): \(error)")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw UsageError.usage("\(file) is not UTF-8")
        }
        return text
    }

    /// The objects of a document: itself, or the items of a list.
    private static func objects(in value: JSONValue, _ place: String) throws(UsageError) -> [Document] {
        guard case .object = value else { throw UsageError.usage("\(place) is not an object") }
        if value["kind"]?.stringValue?.hasSuffix("List") == true, let items = value["items"]?.arrayValue {
            var documents: [Document] = []
            for item in items { documents += try objects(in: item, place) }
            return documents
        }
        for member in ["apiVersion", "kind"] where (value[member]?.stringValue ?? "").isEmpty {
            throw UsageError.usage("\(place): the object has no \(member); Topics begin with `apiVersion: weir/v1`")
        }
        return [Document(object: value, place: place)]
    }

    /// A YAML node as JSON: keys must be texts; numbers, truth values and null as YAML's core schema reads them.
    static func value(of node: Yams.Node, _ place: String) throws(UsageError) -> JSONValue {
        switch node {
        case .scalar(let scalar):
            switch Tag.Name(rawValue: node.tag.description) {
            case .null: return .null
            case .bool: return .bool(node.bool ?? false)
            case .int:
                guard let number = node.int else {
                    throw UsageError.usage("\(place): the number \(scalar.string) is too large; quote it as a text")
                }
                return .integer(Int64(number))
            case .float: return .number(node.float ?? 0)
            default: return .string(scalar.string)
            }
        case .sequence(let sequence):
            var elements: [JSONValue] = []
            for element in sequence { elements.append(try value(of: element, place)) }
            return .array(elements)
        case .mapping(let mapping):
            var members: [String: JSONValue] = [:]
            for (key, member) in mapping {
                guard case .scalar(let name) = key else {
                    throw UsageError.usage("\(place): a key is not a text")
                }
                members[name.string] = try value(of: member, place)
            }
            return .object(members)
        case .alias(let alias):
            throw UsageError.usage("\(place): the alias *\(alias.anchor) names nothing")
        }
    }
}
