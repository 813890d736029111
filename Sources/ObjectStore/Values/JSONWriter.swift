extension JSONValue {
    /// The value as JSON text in UTF-8: without blanks, members sorted by name, so that equal values give equal bytes.
    ///
    /// A number that JSON has no form for (infinite, or none at all) is written as `null`.
    public func encoded() -> [UInt8] {
        JSONWriter.bytes { $0.write(self) }
    }

    /// The value as JSON text, as `encoded` writes it.
    public var text: String { String(decoding: encoded(), as: UTF8.self) }
}

/// Writes values one behind the other, into memory of its own that grows.
struct JSONWriter: ~Copyable {
    private var start: UnsafeMutablePointer<UInt8>
    private var count = 0
    private var capacity = 1_024

    /// The bytes that `body` writes.
    static func bytes(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        body(&writer)
        return Array(UnsafeBufferPointer(start: writer.start, count: writer.count))
    }

    private init() {
        start = .allocate(capacity: capacity)
    }

    deinit {
        start.deallocate()
    }

    @inline(__always)
    private mutating func append(_ character: Unicode.Scalar) { append(UInt8(ascii: character)) }

    @inline(__always)
    private mutating func append(_ byte: UInt8) {
        if count == capacity { grow(by: 1) }
        start[count] = byte
        count += 1
    }

    @inline(__always)
    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress else { return }
        if capacity - count < bytes.count { grow(by: bytes.count) }
        (start + count).update(from: source, count: bytes.count)
        count += bytes.count
    }

    @inline(never)
    private mutating func grow(by bytes: Int) {
        let old = start
        capacity = max(capacity * 2, capacity + bytes)
        start = .allocate(capacity: capacity)
        start.update(from: old, count: count)
        old.deallocate()
    }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .string(let text): write(text)
        case .object(let members): write(members)
        case .array(let elements):
            append("[")
            var isFirst = true
            for element in elements {
                if !isFirst { append(",") }
                isFirst = false
                write(element)
            }
            append("]")
        case .integer(let number): write(number)
        case .number(let number): write(number)
        case .bool(let flag): write(verbatim: flag ? "true" : "false")
        case .null: write(verbatim: "null")
        }
    }

    mutating func write(_ members: [String: JSONValue]) {
        append("{")
        var isFirst = true
        if members.count == 1, let (name, value) = members.first {
            writeName(name, &isFirst)
            write(value)
        } else {
            for (name, value) in members.sorted(by: { $0.key < $1.key }) {
                writeName(name, &isFirst)
                write(value)
            }
        }
        append("}")
    }

    /// A member's name, behind a comma unless it is the first.
    mutating func writeName(_ name: String, _ isFirst: inout Bool) {
        if !isFirst { append(",") }
        isFirst = false
        write(name)
        append(":")
    }

    mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            append("\"")
            var written = 0
            for index in 0..<utf8.count {
                let byte = utf8[index]
                if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { continue }
                append(UnsafeBufferPointer(rebasing: utf8[written..<index]))
                writeEscape(byte)
                written = index + 1
            }
            append(UnsafeBufferPointer(rebasing: utf8[written...]))
            append("\"")
        }
    }

    private mutating func writeEscape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): write(verbatim: "\\\"")
        case UInt8(ascii: "\\"): write(verbatim: "\\\\")
        case 0x08: write(verbatim: "\\b")
        case 0x09: write(verbatim: "\\t")
        case 0x0a: write(verbatim: "\\n")
        case 0x0c: write(verbatim: "\\f")
        case 0x0d: write(verbatim: "\\r")
        default:
            write(verbatim: byte < 0x10 ? "\\u000" : "\\u001")
            let digit = byte & 0x0f
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }

    mutating func write(_ number: Int64) {
        if (0..<10).contains(number) {
            append(UInt8(ascii: "0") + UInt8(number))
            return
        }
        var text = number.description
        text.withUTF8 { append($0) }
    }

    /// The shortest form that is read as the same number; it has a point or an exponent.
    private mutating func write(_ number: Double) {
        guard number.isFinite else {
            write(verbatim: "null")
            return
        }
        var text = number.description
        text.withUTF8 { append($0) }
    }

    mutating func writeStrings(_ strings: [String: String]) {
        append("{")
        var isFirst = true
        for (name, value) in strings.count > 1 ? strings.sorted(by: { $0.key < $1.key }) : Array(strings) {
            writeName(name, &isFirst)
            write(value)
        }
        append("}")
    }

    mutating func write(verbatim text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
