// Objects of a kind: without a dictionary for what has a member in Swift.
extension JSONParser {
    static func parseObject(
        _ bytes: UnsafeBufferPointer<UInt8>, _ limits: JSONLimits
    ) -> Result<Object, ObjectError> {
        var parser = JSONParser(bytes, limits)
        do throws(ObjectError) { return .success(try parser.kindObject()) } catch { return .failure(error) }
    }

    /// What `body` reads, with its errors as those of a request.
    @inline(__always)
    private mutating func read<T>(
        _ body: (inout JSONParser) throws(JSONError) -> T
    ) throws(ObjectError) -> T {
        do throws(JSONError) { return try body(&self) } catch { throw ObjectError(.badRequest, error.description) }
    }

    private mutating func kindObject() throws(ObjectError) -> Object {
        guard bytes.count <= limits.bytesMax, peek() == UInt8(ascii: "{") else {
            // Whatever else it is, the general way says what is wrong with it.
            return try Object(try read { parser throws(JSONError) in try parser.document() })
        }
        position += 1
        depth += 1
        var apiVersion: JSONValue?
        var kind: JSONValue?
        var metadata = ObjectMetadata()
        let start = members.count
        var isFirst = true
        while let name = try read({ parser throws(JSONError) in try parser.memberName(&isFirst) }) {
            if name == "metadata", peek() == UInt8(ascii: "{") {
                metadata = try metadataMembers()
                continue
            }
            let value = try read { parser throws(JSONError) in try parser.value() }
            switch name {
            case "apiVersion": apiVersion = value
            case "kind": kind = value
            case "metadata": metadata = value == .null ? ObjectMetadata() : try ObjectMetadata(value)
            default: members.append((name, value))
            }
        }
        if peek() != nil {
            throw ObjectError(.badRequest, JSONError("something follows the value", at: position).description)
        }
        return Object(
            apiVersion: try Object.text("apiVersion", apiVersion), kind: try Object.text("kind", kind),
            metadata: metadata, content: takeMembers(from: start))
    }

    private mutating func metadataMembers() throws(ObjectError) -> ObjectMetadata {
        position += 1
        depth += 1
        defer { depth -= 1 }
        var metadata = ObjectMetadata()
        var isFirst = true
        while let name = try read({ parser throws(JSONError) in try parser.memberName(&isFirst) }) {
            switch name {
            case "labels" where peek() == UInt8(ascii: "{"): metadata.labels = try strings(name)
            case "annotations" where peek() == UInt8(ascii: "{"): metadata.annotations = try strings(name)
            default:
                let value = try read { parser throws(JSONError) in try parser.value() }
                try metadata.take(name, value)
            }
        }
        return metadata
    }

    private mutating func strings(_ field: String) throws(ObjectError) -> [String: String] {
        position += 1
        depth += 1
        defer { depth -= 1 }
        var result: [String: String] = [:]
        var isFirst = true
        while let name = try read({ parser throws(JSONError) in try parser.memberName(&isFirst) }) {
            let value = try read { parser throws(JSONError) in try parser.value() }
            guard case .string(let text) = value else {
                throw .malformed("metadata.\(field)['\(name)']", "must be a string; put a number in quotes")
            }
            result[name] = text
        }
        return result
    }
}
