extension JSONValue {
    /// The value as JSON text in UTF-8: without blanks, members sorted by name, so that equal values give equal bytes.
    ///
    /// A number that JSON has no form for (infinite, or none at all) is written as `null`.
    public func encoded() -> [UInt8] {
        var writer = JSONWriter()
        writer.write(self)
        return writer.bytes
    }

    /// The value as JSON text, as `encoded` writes it.
    public var text: String { String(decoding: encoded(), as: UTF8.self) }
}

/// Writes values one behind the other.
struct JSONWriter {
    private(set) var bytes: [UInt8]

    init(capacity: Int = 512) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .string(let text): write(text)
        case .object(let members): write(members)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            var isFirst = true
            for element in elements {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                isFirst = false
                write(element)
            }
            bytes.append(UInt8(ascii: "]"))
        case .integer(let number): write(number)
        case .number(let number): write(number)
        case .bool(let flag): write(verbatim: flag ? "true" : "false")
        case .null: write(verbatim: "null")
        }
    }

    mutating func write(_ members: [String: JSONValue]) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            writeName(name, &isFirst)
            write(value)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// A member's name, behind a comma unless it is the first.
    mutating func writeName(_ name: String, _ isFirst: inout Bool) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        write(name)
        bytes.append(UInt8(ascii: ":"))
    }

    mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            bytes.append(UInt8(ascii: "\""))
            var start = 0
            for index in 0..<utf8.count {
                let byte = utf8[index]
                if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { continue }
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<index]))
                writeEscape(byte)
                start = index + 1
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start...]))
            bytes.append(UInt8(ascii: "\""))
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
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }

    mutating func write(_ number: Int64) {
        if (0..<10).contains(number) {
            bytes.append(UInt8(ascii: "0") + UInt8(number))
            return
        }
        var text = number.description
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    /// The shortest form that is read as the same number; it has a point or an exponent.
    private mutating func write(_ number: Double) {
        guard number.isFinite else {
            write(verbatim: "null")
            return
        }
        var text = number.description
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    mutating func write(verbatim text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
