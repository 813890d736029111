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
    private let bytes: UnsafeBufferPointer<UInt8>
    private let limits: JSONLimits
    private var position = 0
    private var depth = 0
    /// Members of the objects that are being read, the innermost object's last.
    private var members: [(name: String, value: JSONValue)] = []
    /// Elements of the arrays that are being read, the innermost array's last.
    private var elements: [JSONValue] = []

    static func parse(_ bytes: UnsafeBufferPointer<UInt8>, _ limits: JSONLimits) -> Result<JSONValue, JSONError> {
        var parser = JSONParser(bytes, limits)
        do throws(JSONError) { return .success(try parser.document()) } catch { return .failure(error) }
    }

    private init(_ bytes: UnsafeBufferPointer<UInt8>, _ limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    private mutating func document() throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.bytesMax else {
            throw JSONError("\(bytes.count) bytes are more than \(limits.bytesMax)", at: limits.bytesMax)
        }
        let result = try value()
        if peek() != nil { throw JSONError("something follows the value", at: position) }
        return result
    }

    /// The next byte that is no blank, still to be read.
    @inline(__always)
    private mutating func peek() -> UInt8? {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return byte }
            position += 1
        }
        return nil
    }

    private mutating func value() throws(JSONError) -> JSONValue {
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
    private mutating func memberName(_ isFirst: inout Bool) throws(JSONError) -> String? {
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

    private mutating func takeMembers(from start: Int) -> [String: JSONValue] {
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
        var head: [String: JSONValue] = [:]
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
            case "apiVersion", "kind": head[name] = value
            case "metadata": metadata = value == .null ? ObjectMetadata() : try ObjectMetadata(value)
            default: members.append((name, value))
            }
        }
        if peek() != nil {
            throw ObjectError(.badRequest, JSONError("something follows the value", at: position).description)
        }
        var object = try Object(.object(head))
        object.metadata = metadata
        object.content = takeMembers(from: start)
        return object
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

// Numbers.
extension JSONParser {
    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        let isNegative = bytes[position] == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let (whole, fits) = try wholePart(isNegative: isNegative)
        var isWhole = true
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            try digits()
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            try digits()
        }
        if isWhole, fits { return .integer(whole) }
        // All of it is ASCII, and in the form that Swift reads.
        let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self)
        guard let number = Double(text), number.isFinite else {
            throw JSONError("the number is out of range", at: start)
        }
        return .number(number)
    }

    /// The digits before a point: zero, or several that do not begin with it; and whether they fit 64 bits.
    private mutating func wholePart(isNegative: Bool) throws(JSONError) -> (whole: Int64, fits: Bool) {
        guard let first = digit() else { throw JSONError("a digit is missing", at: position) }
        position += 1
        guard first != 0 else {
            if digit() != nil { throw JSONError("a number does not begin with 0", at: position - 1) }
            return (0, true)
        }
        // Counted below zero, where there is room for one more.
        var whole = -first
        var fits = true
        while let digit = digit() {
            let (product, isProductOver) = whole.multipliedReportingOverflow(by: 10)
            let (sum, isSumOver) = product.subtractingReportingOverflow(digit)
            if isProductOver || isSumOver { fits = false }
            whole = sum
            position += 1
        }
        if isNegative { return (whole, fits) }
        return fits && whole != .min ? (-whole, true) : (0, false)
    }

    private mutating func digits() throws(JSONError) {
        guard digit() != nil else { throw JSONError("a digit is missing", at: position) }
        while digit() != nil { position += 1 }
    }

    @inline(__always)
    private func digit() -> Int64? {
        guard position < bytes.count else { return nil }
        let digit = bytes[position] &- UInt8(ascii: "0")
        return digit <= 9 ? Int64(digit) : nil
    }
}

// Strings.
extension JSONParser {
    /// The string whose opening quote was read.
    private mutating func string() throws(JSONError) -> String {
        let start = position
        // Local, so that they stay in registers.
        let bytes = bytes
        var end = start
        var seen: UInt8 = 0
        while end < bytes.count {
            let byte = bytes[end]
            if byte == UInt8(ascii: "\"") {
                position = end + 1
                let text = UnsafeBufferPointer(rebasing: bytes[start..<end])
                return try makeString(text, isASCII: seen < 0x80, start)
            }
            if byte == UInt8(ascii: "\\") {
                position = end
                return try escapedString(from: start)
            }
            guard byte >= 0x20 else { throw JSONError("a control character stands in a string", at: end) }
            seen |= byte
            end += 1
        }
        throw JSONError("the string does not end", at: end)
    }

    @inline(__always)
    private func makeString(
        _ text: UnsafeBufferPointer<UInt8>, isASCII: Bool, _ start: Int
    ) throws(JSONError) -> String {
        if isASCII { return String(decoding: text, as: UTF8.self) }
        guard let string = String(validating: text, as: UTF8.self) else {
            throw JSONError("the string is no UTF-8", at: start)
        }
        return string
    }

    /// A string with escapes, of which all before the first one, at `position`, was seen already.
    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw JSONError("the string is no UTF-8", at: start)
                }
                return string
            }
            guard byte >= 0x20 else { throw JSONError("a control character stands in a string", at: position) }
            position += 1
            if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
        }
        throw JSONError("the string does not end", at: position)
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard position < bytes.count else { throw JSONError("the string does not end", at: position) }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: Array(String(Character(try scalar())).utf8))
        default: throw JSONError("there is no such escape", at: position - 2)
        }
    }

    /// The scalar of `\u` and four digits, or of two of them where the first is the first half of a surrogate pair.
    private mutating func scalar() throws(JSONError) -> Unicode.Scalar {
        let start = position - 2
        let first = try hexDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xdc00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { throw JSONError("half of a surrogate pair stands alone", at: start) }
        position += 2
        let second = try hexDigits()
        guard (0xdc00..<0xe000).contains(second),
            let scalar = Unicode.Scalar(0x1_0000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw JSONError("half of a surrogate pair stands alone", at: start) }
        return scalar
    }

    private mutating func hexDigits() throws(JSONError) -> UInt32 {
        var result: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw JSONError("a hexadecimal digit is missing", at: position)
            }
            result = result << 4 | UInt32(digit)
            position += 1
        }
        return result
    }
}
