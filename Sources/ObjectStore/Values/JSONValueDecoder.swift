/// Makes Swift values of JSON values: what `Foundation.JSONDecoder` does from bytes.
///
/// Errors are `DecodingError`s with the path of the member. A number is read as any type that holds it exactly.
public struct JSONValueDecoder: Sendable {
    /// A decoder.
    public init() {}

    /// Makes a value of the type.
    public func decode<T: Decodable>(_ type: T.Type, from value: JSONValue) throws -> T {
        try ValueDecoder(value, .root).unbox(type)
    }
}

/// One value, on the way to its type.
struct ValueDecoder: Decoder, SingleValueDecodingContainer {
    let value: JSONValue
    /// The way to what it is in, and its key there: made one only where it is asked for.
    private let parent: JSONPath
    private let key: (any CodingKey)?
    /// An object's metadata, for its member of that name: made before, as its JSON is not kept.
    let metadata: ObjectMetadata?

    init(_ value: JSONValue, _ parent: JSONPath, _ key: (any CodingKey)? = nil, metadata: ObjectMetadata? = nil) {
        self.value = value
        self.parent = parent
        self.key = key
        self.metadata = metadata
    }

    var path: JSONPath { key.map { parent.appending($0) } ?? parent }

    var codingPath: [any CodingKey] { path.keys }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw mismatch([String: JSONValue].self, "an object") }
        return KeyedDecodingContainer(MembersDecoder<Key>(members: members, path: path, metadata: metadata))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch([JSONValue].self, "an array") }
        return ElementsDecoder(elements: elements, path: path)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    func unbox<T: Decodable>(_ type: T.Type) throws -> T {
        if type == JSONValue.self { return try cast(value) }
        if type == [String: String].self { return try cast(try strings()) }
        if type == [String: JSONValue].self, case .object(let members) = value { return try cast(members) }
        return try T(from: self)
    }

    /// The same value as a type that is known to be its own.
    private func cast<T>(_ value: some Any) throws -> T {
        guard let result = value as? T else { throw mismatch(T.self, "\(T.self)") }
        return result
    }

    private func strings() throws -> [String: String] {
        guard case .object(let members) = value else { throw mismatch([String: String].self, "an object") }
        var result = [String: String](minimumCapacity: members.count)
        for (name, value) in members {
            guard case .string(let text) = value else {
                throw ValueDecoder(value, path, JSONName(name)).mismatch(String.self, "a string")
            }
            result[name] = text
        }
        return result
    }

    func mismatch(_ type: Any.Type, _ wanted: String) -> DecodingError {
        let context = DecodingError.Context(codingPath: codingPath, debugDescription: "must be \(wanted)")
        if case .null = value { return .valueNotFound(type, context) }
        return .typeMismatch(type, context)
    }

    func decodeNil() -> Bool { value == .null }

    func decode(_ type: Bool.Type) throws -> Bool {
        guard case .bool(let flag) = value else { throw mismatch(type, "true or false") }
        return flag
    }

    func decode(_ type: String.Type) throws -> String {
        guard case .string(let text) = value else { throw mismatch(type, "a string") }
        return text
    }

    func decode(_ type: Double.Type) throws -> Double {
        switch value {
        case .number(let number): return number
        case .integer(let number): return Double(number)
        default: throw mismatch(type, "a number")
        }
    }

    func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }
    func decode(_ type: Int.Type) throws -> Int { try whole(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try whole(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try whole(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try whole(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try whole(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try whole(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try whole(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try whole(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try whole(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try whole(type) }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try unbox(type) }

    private func whole<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        let result: T? =
            switch value {
            case .integer(let number): T(exactly: number)
            case .number(let number): T(exactly: number)
            default: throw mismatch(type, "a whole number")
            }
        guard let result else { throw mismatch(type, "a whole number from \(T.min) to \(T.max)") }
        return result
    }
}

/// The members of an object, on the way to their types.
private struct MembersDecoder<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: [String: JSONValue]
    let path: JSONPath
    let metadata: ObjectMetadata?

    var codingPath: [any CodingKey] { path.keys }
    var allKeys: [Key] { members.keys.compactMap { Key(stringValue: $0) } }
    func contains(_ key: Key) -> Bool { isMetadata(key) || members[key.stringValue] != nil }

    private func isMetadata(_ key: some CodingKey) -> Bool { metadata != nil && key.stringValue == "metadata" }

    private func member(_ key: some CodingKey) throws -> ValueDecoder {
        guard let value = members[key.stringValue] ?? (isMetadata(key) ? metadata?.json : nil) else {
            let context = DecodingError.Context(
                codingPath: codingPath + [key], debugDescription: "is missing")
            throw DecodingError.keyNotFound(key, context)
        }
        return ValueDecoder(value, path, key)
    }

    func decodeNil(forKey key: Key) throws -> Bool {
        if isMetadata(key) { return false }
        guard let value = members[key.stringValue] else { return true }
        return value == .null
    }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try member(key).decode(type) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try member(key).decode(type) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try member(key).decode(type) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try member(key).decode(type) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try member(key).decode(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try member(key).decode(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try member(key).decode(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try member(key).decode(type) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try member(key).decode(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try member(key).decode(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try member(key).decode(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try member(key).decode(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try member(key).decode(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try member(key).decode(type) }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        if type == ObjectMetadata.self, isMetadata(key), let metadata = metadata as? T { return metadata }
        return try member(key).unbox(type)
    }

    /// Looks the member up once, where the general way does so three times.
    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        if isMetadata(key) { return try decode(type, forKey: key) }
        guard let value = members[key.stringValue], value != .null else { return nil }
        return try ValueDecoder(value, path, key).unbox(type)
    }

    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
        guard let value = members[key.stringValue], value != .null else { return nil }
        return try ValueDecoder(value, path, key).decode(type)
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        try member(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try member(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { try member(JSONName.superName) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try member(key) }
}

/// The elements of an array, on the way to their types.
private struct ElementsDecoder: UnkeyedDecodingContainer {
    let elements: [JSONValue]
    let path: JSONPath
    private(set) var currentIndex = 0

    init(elements: [JSONValue], path: JSONPath) {
        self.elements = elements
        self.path = path
    }

    var codingPath: [any CodingKey] { path.keys }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    private mutating func take<T>(_ type: T.Type, _ body: (ValueDecoder) throws -> T) throws -> T {
        guard !isAtEnd else {
            let context = DecodingError.Context(
                codingPath: codingPath + [JSONName(currentIndex)], debugDescription: "is missing")
            throw DecodingError.valueNotFound(type, context)
        }
        let result = try body(ValueDecoder(elements[currentIndex], path, JSONName(currentIndex)))
        currentIndex += 1
        return result
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, elements[currentIndex] == .null else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try take(type) { try $0.unbox(type) } }

    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> {
        try take(KeyedDecodingContainer<NestedKey>.self) { try $0.container(keyedBy: type) }
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try take((any UnkeyedDecodingContainer).self) { try $0.unkeyedContainer() }
    }

    mutating func superDecoder() throws -> any Decoder { try take((any Decoder).self) { $0 } }
}
