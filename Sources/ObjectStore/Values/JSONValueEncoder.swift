/// Makes JSON values of Swift values: what `Foundation.JSONEncoder` does to bytes.
///
/// Whole numbers must fit 64 bits with a sign, other numbers must be finite; otherwise an `EncodingError` names the
/// member. Optional members that are nil are left out, as Swift's own conformances do.
public struct JSONValueEncoder: Sendable {
    /// An encoder.
    public init() {}

    /// Makes the JSON value of a value.
    public func encode(_ value: some Encodable) throws -> JSONValue {
        try ValueEncoder.box(value, .root)
    }
}

/// What was written so far of one value.
final class EncodedNode {
    private var value: JSONValue?
    private var members: [String: JSONValue]?
    private var elements: [JSONValue]?
    /// Nested containers, which are written to until the end, and where they belong.
    private var memberNodes: [(name: String, node: EncodedNode)] = []
    private var elementNodes: [(index: Int, node: EncodedNode)] = []

    func set(_ value: JSONValue) { self.value = value }
    func beginObject() { if members == nil { members = [:] } }
    func beginArray() { if elements == nil { elements = [] } }
    func set(_ name: String, _ value: JSONValue) { members?[name] = value }
    func append(_ value: JSONValue) { elements?.append(value) }
    var elementCount: Int { elements?.count ?? 0 }

    func memberNode(_ name: String) -> EncodedNode {
        let node = EncodedNode()
        memberNodes.append((name, node))
        return node
    }

    func elementNode() -> EncodedNode {
        let node = EncodedNode()
        elementNodes.append((elementCount, node))
        append(.null)
        return node
    }

    /// The whole of it; nil where nothing was written.
    var result: JSONValue? {
        if let value { return value }
        if var members {
            for (name, node) in memberNodes { members[name] = node.result ?? .object([:]) }
            return .object(members)
        }
        guard var elements else { return nil }
        for (index, node) in elementNodes { elements[index] = node.result ?? .object([:]) }
        return .array(elements)
    }
}

/// Where one value writes itself to.
struct ValueEncoder: Encoder, SingleValueEncodingContainer {
    let node: EncodedNode
    let path: JSONPath
    /// Whether a member `metadata` is left out: whoever encodes an object has it already.
    let leavesOutMetadata: Bool

    init(_ node: EncodedNode, _ path: JSONPath, leavesOutMetadata: Bool = false) {
        self.node = node
        self.path = path
        self.leavesOutMetadata = leavesOutMetadata
    }

    static func box<T: Encodable>(_ value: T, _ path: @autoclosure () -> JSONPath) throws -> JSONValue {
        if T.self == JSONValue.self, let value = value as? JSONValue { return value }
        if T.self == String.self, let text = value as? String { return .string(text) }
        if T.self == [String: String].self, let strings = value as? [String: String] {
            return .object(strings.mapValues { .string($0) })
        }
        let encoder = ValueEncoder(EncodedNode(), path())
        try value.encode(to: encoder)
        return encoder.node.result ?? .object([:])
    }

    var codingPath: [any CodingKey] { path.keys }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.beginObject()
        return KeyedEncodingContainer(
            MembersEncoder<Key>(node: node, path: path, leavesOutMetadata: leavesOutMetadata))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.beginArray()
        return ElementsEncoder(node: node, path: path)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    static func whole(_ value: some BinaryInteger, _ path: @autoclosure () -> JSONPath) throws -> JSONValue {
        guard let number = Int64(exactly: value) else {
            let context = EncodingError.Context(
                codingPath: path().keys, debugDescription: "\(value) does not fit 64 bits with a sign")
            throw EncodingError.invalidValue(value, context)
        }
        return .integer(number)
    }

    static func number(_ value: Double, _ path: @autoclosure () -> JSONPath) throws -> JSONValue {
        guard value.isFinite else {
            let context = EncodingError.Context(
                codingPath: path().keys, debugDescription: "JSON has no form for \(value)")
            throw EncodingError.invalidValue(value, context)
        }
        return .number(value)
    }

    /// A short number as the double with the same shortest text: 0.1 stays 0.1.
    static func number(_ value: Float, _ path: @autoclosure () -> JSONPath) throws -> JSONValue {
        try number(Double(value.description) ?? Double(value), path())
    }

    func encodeNil() { node.set(.null) }
    func encode(_ value: Bool) { node.set(.bool(value)) }
    func encode(_ value: String) { node.set(.string(value)) }
    func encode(_ value: Double) throws { node.set(try Self.number(value, path)) }
    func encode(_ value: Float) throws { node.set(try Self.number(value, path)) }
    func encode(_ value: Int) throws { node.set(try Self.whole(value, path)) }
    func encode(_ value: Int8) throws { node.set(try Self.whole(value, path)) }
    func encode(_ value: Int16) throws { node.set(try Self.whole(value, path)) }
    func encode(_ value: Int32) throws { node.set(try Self.whole(value, path)) }
    func encode(_ value: Int64) throws { node.set(try Self.whole(value, path)) }
    func encode(_ value: UInt) throws { node.set(try Self.whole(value, path)) }
    func encode(_ value: UInt8) throws { node.set(try Self.whole(value, path)) }
    func encode(_ value: UInt16) throws { node.set(try Self.whole(value, path)) }
    func encode(_ value: UInt32) throws { node.set(try Self.whole(value, path)) }
    func encode(_ value: UInt64) throws { node.set(try Self.whole(value, path)) }
    func encode(_ value: some Encodable) throws { node.set(try Self.box(value, path)) }
}

/// Where an object's members are written to.
private struct MembersEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: EncodedNode
    let path: JSONPath
    let leavesOutMetadata: Bool

    var codingPath: [any CodingKey] { path.keys }

    private func set(_ key: Key, _ value: JSONValue) { node.set(key.stringValue, value) }
    private func whole(_ key: Key, _ value: some BinaryInteger) throws {
        set(key, try ValueEncoder.whole(value, path.appending(key)))
    }

    func encodeNil(forKey key: Key) { set(key, .null) }
    func encode(_ value: Bool, forKey key: Key) { set(key, .bool(value)) }
    func encode(_ value: String, forKey key: Key) { set(key, .string(value)) }
    func encode(_ value: Double, forKey key: Key) throws {
        set(key, try ValueEncoder.number(value, path.appending(key)))
    }
    func encode(_ value: Float, forKey key: Key) throws {
        set(key, try ValueEncoder.number(value, path.appending(key)))
    }
    func encode(_ value: Int, forKey key: Key) throws { try whole(key, value) }
    func encode(_ value: Int8, forKey key: Key) throws { try whole(key, value) }
    func encode(_ value: Int16, forKey key: Key) throws { try whole(key, value) }
    func encode(_ value: Int32, forKey key: Key) throws { try whole(key, value) }
    func encode(_ value: Int64, forKey key: Key) throws { try whole(key, value) }
    func encode(_ value: UInt, forKey key: Key) throws { try whole(key, value) }
    func encode(_ value: UInt8, forKey key: Key) throws { try whole(key, value) }
    func encode(_ value: UInt16, forKey key: Key) throws { try whole(key, value) }
    func encode(_ value: UInt32, forKey key: Key) throws { try whole(key, value) }
    func encode(_ value: UInt64, forKey key: Key) throws { try whole(key, value) }

    func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        if leavesOutMetadata, key.stringValue == "metadata" { return }
        set(key, try ValueEncoder.box(value, path.appending(key)))
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) -> KeyedEncodingContainer<NestedKey> {
        ValueEncoder(node.memberNode(key.stringValue), path.appending(key)).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        ValueEncoder(node.memberNode(key.stringValue), path.appending(key)).unkeyedContainer()
    }

    func superEncoder() -> any Encoder {
        ValueEncoder(node.memberNode("super"), path.appending(JSONName.superName))
    }

    func superEncoder(forKey key: Key) -> any Encoder {
        ValueEncoder(node.memberNode(key.stringValue), path.appending(key))
    }
}

/// Where an array's elements are written to.
private struct ElementsEncoder: UnkeyedEncodingContainer {
    let node: EncodedNode
    let path: JSONPath

    var codingPath: [any CodingKey] { path.keys }
    var count: Int { node.elementCount }
    private var here: JSONPath { path.appending(JSONName(count)) }

    func encodeNil() { node.append(.null) }
    func encode(_ value: some Encodable) throws { node.append(try ValueEncoder.box(value, here)) }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) -> KeyedEncodingContainer<NestedKey> {
        let path = here
        return ValueEncoder(node.elementNode(), path).container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        let path = here
        return ValueEncoder(node.elementNode(), path).unkeyedContainer()
    }

    func superEncoder() -> any Encoder {
        let path = here
        return ValueEncoder(node.elementNode(), path)
    }
}
