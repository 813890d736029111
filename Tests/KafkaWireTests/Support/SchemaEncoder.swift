import WeirSimulation

/// Encodes random messages as their definitions say, without the generated code.
struct SchemaEncoder {
    let schema: Schema
    let version: Int
    var random: SeededRandom
    /// Where counts of arrays begin in the bytes last encoded, for tests that spoil them.
    private(set) var countPositions: [Int] = []

    init(_ schema: Schema, version: Int, seed: UInt64) {
        self.schema = schema
        self.version = version
        random = SeededRandom(seed: seed)
    }

    private var isFlexible: Bool { schema.flexible?.contains(version) ?? false }

    /// The bytes of a random message.
    mutating func message() -> [UInt8] {
        countPositions = []
        var bytes: [UInt8] = []
        encode(schema.fields, depth: 0, into: &bytes)
        return bytes
    }

    private mutating func encode(_ fields: [Schema.Field], depth: Int, into bytes: inout [UInt8]) {
        var tagged: [(tag: UInt32, bytes: [UInt8])] = []
        for field in fields where field.versions.contains(version) {
            guard isFlexible, field.tagged?.contains(version) ?? false else {
                encode(field, depth: depth, into: &bytes)
                continue
            }
            // A default is left out: only one form of a message is the one that is written.
            guard Bool.random(using: &random) else { continue }
            var value: [UInt8] = []
            let countsBefore = countPositions.count
            encode(field, depth: depth, into: &value)
            countPositions.removeSubrange(countsBefore...)
            if value != defaultBytes(field) { tagged.append((field.tag, value)) }
        }
        guard isFlexible else { return }
        appendVarint(UInt64(tagged.count), to: &bytes)
        for field in tagged.sorted(by: { $0.tag < $1.tag }) {
            appendVarint(UInt64(field.tag), to: &bytes)
            appendVarint(UInt64(field.bytes.count), to: &bytes)
            bytes += field.bytes
        }
    }

    private mutating func encode(_ field: Schema.Field, depth: Int, into bytes: inout [UInt8]) {
        let compact = isFlexible && field.followsMessage
        let mayBeNull = field.nullable?.contains(version) ?? false
        if mayBeNull, Int.random(in: 0..<4, using: &random) == 0 {
            bytes += nullBytes(field, compact: compact)
            return
        }
        guard field.isArray else {
            if mayBeNull, !field.fields.isEmpty { bytes.append(1) }
            encodeElement(field, depth: depth, compact: compact, into: &bytes)
            return
        }
        let count = Int.random(in: 0...(depth < 2 ? 3 : 2), using: &random)
        countPositions.append(bytes.count)
        appendLength(count, compact: compact, width: 4, to: &bytes)
        for _ in 0..<count { encodeElement(field, depth: depth, compact: compact, into: &bytes) }
    }

    private mutating func encodeElement(
        _ field: Schema.Field, depth: Int, compact: Bool, into bytes: inout [UInt8]
    ) {
        switch field.elementType {
        case "bool": bytes.append(UInt8.random(in: 0...1, using: &random))
        case "int8": appendRandom(1, to: &bytes)
        case "int16", "uint16": appendRandom(2, to: &bytes)
        case "int32", "uint32": appendRandom(4, to: &bytes)
        case "int64": appendRandom(8, to: &bytes)
        case "float64": appendNumber(Double.random(in: -1e9...1e9, using: &random).bitPattern, width: 8, to: &bytes)
        case "uuid": appendRandom(16, to: &bytes)
        case "string":
            let text = randomText()
            appendLength(text.count, compact: compact, width: 2, to: &bytes)
            bytes += text
        case "bytes", "records":
            let count = Int.random(in: 0..<200, using: &random)
            appendLength(count, compact: compact, width: 4, to: &bytes)
            appendRandom(count, to: &bytes)
        default: encode(field.fields, depth: depth + 1, into: &bytes)
        }
    }

    private mutating func appendRandom(_ count: Int, to bytes: inout [UInt8]) {
        for _ in 0..<count { bytes.append(UInt8.random(in: 0...255, using: &random)) }
    }

    private mutating func randomText() -> [UInt8] {
        let alphabet = Array("abcXYZ0189._-é→🦊")
        // Mostly short, sometimes so long that a compact length takes two bytes.
        let count = Int.random(in: 0..<8, using: &random) == 0 ? 150 : Int.random(in: 0..<12, using: &random)
        var text = ""
        for _ in 0..<count { text.append(alphabet[Int.random(in: 0..<alphabet.count, using: &random)]) }
        return Array(text.utf8)
    }

    private func nullBytes(_ field: Schema.Field, compact: Bool) -> [UInt8] {
        if !field.isArray, !field.fields.isEmpty { return [0xff] }
        if compact { return [0] }
        return field.type == "string" ? [0xff, 0xff] : [0xff, 0xff, 0xff, 0xff]
    }

    /// What a tagged field's default would be in bytes.
    private func defaultBytes(_ field: Schema.Field) -> [UInt8] {
        let compact = isFlexible && field.followsMessage
        if field.defaultText == "null" { return nullBytes(field, compact: compact) }
        if field.isArray { return compact ? [1] : [0, 0, 0, 0] }
        switch field.type {
        case "bool": return [field.defaultText == "true" ? 1 : 0]
        case "int8", "int16", "int32", "int64":
            var bytes: [UInt8] = []
            let number = field.defaultText.flatMap { Int64($0) } ?? 0
            appendNumber(UInt64(bitPattern: number), width: (Int(field.type.dropFirst(3)) ?? 8) / 8, to: &bytes)
            return bytes
        case "uuid": return [UInt8](repeating: 0, count: 16)
        case "string", "bytes": return compact ? [1] : field.type == "string" ? [0, 0] : [0, 0, 0, 0]
        default:
            let inner = field.fields.filter { $0.versions.contains(version) && $0.tagged == nil }
            return inner.flatMap { defaultBytes($0) } + [0]
        }
    }
}

private func appendNumber(_ number: UInt64, width: Int, to bytes: inout [UInt8]) {
    for index in (0..<width).reversed() { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index))) }
}

private func appendLength(_ length: Int, compact: Bool, width: Int, to bytes: inout [UInt8]) {
    if compact {
        appendVarint(UInt64(length + 1), to: &bytes)
    } else {
        appendNumber(UInt64(length), width: width, to: &bytes)
    }
}

func appendVarint(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
        bytes.append(UInt8(rest & 0x7f) | 0x80)
        rest >>= 7
    }
    bytes.append(UInt8(rest))
}
