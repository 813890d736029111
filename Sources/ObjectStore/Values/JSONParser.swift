extension JSONValue {
    /// Reads JSON text in UTF-8 (RFC 8259).
    ///
    /// Any bytes give a value or an error. Of members with one name the last one stays.
    public init(
        parsing bytes: some Collection<UInt8>, limits: JSONLimits = .standard
    ) throws(JSONError) {
        let result = bytes.withContiguousStorageIfAvailable { buffer in JSONParser.parse(buffer, limits) }
        if let result {
            self = try result.get()
            return
        }
        self = try Array(bytes).withUnsafeBufferPointer { buffer in JSONParser.parse(buffer, limits) }.get()
    }

    /// Reads JSON text.
    public init(parsing text: String, limits: JSONLimits = .standard) throws(JSONError) {
        try self.init(parsing: text.utf8, limits: limits)
    }
}

/// Reads one value from bytes that stay where they are for as long as it takes.
struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let limits: JSONLimits
    var position = 0
    var depth = 0
    /// Members of the objects that are being read, the innermost object's last.
    var members: [(name: String, value: JSONValue)] = []
    /// Elements of the arrays that are being read, the innermost array's last.
    private var elements: [JSONValue] = []

    static func parse(_ bytes: UnsafeBufferPointer<UInt8>, _ limits: JSONLimits) -> Result<JSONValue, JSONError> {
        var parser = JSONParser(bytes, limits)
        do throws(JSONError) { return .success(try parser.document()) } catch { return .failure(error) }
    }

    init(_ bytes: UnsafeBufferPointer<UInt8>, _ limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
        members.reserveCapacity(16)
    }

    mutating func document() throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.bytesMax else {
            throw JSONError("\(bytes.count) bytes are more than \(limits.bytesMax)", at: limits.bytesMax)
        }
        let result = try value()
        if peek() != nil { throw JSONError("something follows the value", at: position) }
        return result
    }

    /// The next byte that is no blank, still to be read.
    @inline(__always)
    mutating func peek() -> UInt8? {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return byte }
            position += 1
        }
        return nil
    }

    mutating func value() throws(JSONError) -> JSONValue {
        guard let byte = peek() else { throw JSONError("a value is missing", at: position) }
        switch byte {
        case UInt8(ascii: "\""):
            position += 1
            return .string(try string())
        case UInt8(ascii: "{"): return try nested { parser throws(JSONError) in try parser.object() }
        case UInt8(ascii: "["): return try nested { parser throws(JSONError) in try parser.array() }
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw JSONError("a value cannot begin so", at: position)
        }
    }

    @inline(__always)
    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        guard depth < limits.depthMax else {
            throw JSONError("more than \(limits.depthMax) levels lie in each other", at: position)
        }
        depth += 1
        position += 1
        let result = try body(&self)
        depth -= 1
        return result
    }

    private mutating func object() throws(JSONError) -> JSONValue {
        let start = members.count
        var isFirst = true
        while let name = try memberName(&isFirst) {
            let value = try value()
            members.append((name, value))
        }
        return .object(takeMembers(from: start))
    }

    /// The name of the next member, of an object whose opening brace was read; nil: that was the last one.
    mutating func memberName(_ isFirst: inout Bool) throws(JSONError) -> String? {
        switch peek() {
        case UInt8(ascii: "}"):
            position += 1
            return nil
        case UInt8(ascii: ",") where !isFirst:
            position += 1
        case nil: throw JSONError("the object does not end", at: position)
        default:
            if !isFirst { throw JSONError("a ',' or '}' is missing behind the member", at: position) }
        }
        isFirst = false
        guard peek() == UInt8(ascii: "\"") else { throw JSONError("a member's name is missing", at: position) }
        position += 1
        let name = try string()
        guard peek() == UInt8(ascii: ":") else {
            throw JSONError("a ':' is missing behind the member's name", at: position)
        }
        position += 1
        return name
    }

    mutating func takeMembers(from start: Int) -> [String: JSONValue] {
        guard members.count > start else { return [:] }
        var result = [String: JSONValue](minimumCapacity: members.count - start)
        for index in start..<members.count { result[members[index].name] = members[index].value }
        members.removeLast(members.count - start)
        return result
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        guard let first = peek() else { throw JSONError("the array does not end", at: position) }
        if first == UInt8(ascii: "]") {
            position += 1
            return .array([])
        }
        let start = elements.count
        while true {
            let value = try value()
            elements.append(value)
            switch peek() {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                let result = Array(elements[start...])
                elements.removeLast(elements.count - start)
                return .array(result)
            case nil: throw JSONError("the array does not end", at: position)
            default: throw JSONError("a ',' or ']' is missing behind the element", at: position)
            }
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for index in 0..<word.utf8CodeUnitCount {
            guard position + index < bytes.count, bytes[position + index] == word.utf8Start[index] else {
                throw JSONError("'\(word)' is not complete", at: position + index)
            }
        }
        position += word.utf8CodeUnitCount
        return value
    }
}
