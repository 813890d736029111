// Numbers.
extension JSONParser {
    mutating func number() throws(JSONError) -> JSONValue {
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
    mutating func string() throws(JSONError) -> String {
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

    /// The scalar of `\uNNNN`, or of two of them where the first is the first half of a surrogate pair.
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
