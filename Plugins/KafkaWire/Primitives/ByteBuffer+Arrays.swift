import NIOCore

/// Elements that need no version: numbers, strings, UUIDs.
protocol WirePrimitive {
    static var wireSizeMin: Int { get }
    static func read(from buffer: inout ByteBuffer, flexible: Bool) throws(WireError) -> Self
    func write(to buffer: inout ByteBuffer, flexible: Bool) throws(WireError)
}

/// Arrays: a count, then the elements; a compact count is a varint of the count plus one, zero for null.
///
/// A count is believed as far as the bytes behind it could hold that many elements. Memory is taken for few
/// elements at first and grows as they are read, so that a false count costs nothing.
extension ByteBuffer {
    /// What is reserved before the first element is read.
    private static let reservedCountMax = 1024

    private mutating func readCount(flexible: Bool, sizeMin: Int) throws(WireError) -> Int? {
        let count = flexible ? Int(try readUnsignedVarint()) - 1 : Int(try readInt32())
        guard count != -1 else { return nil }
        guard count >= 0, count <= readableBytes / sizeMin else {
            throw WireError(.invalidLength, "an array of \(count) elements in \(readableBytes) bytes")
        }
        return count
    }

    private static var unexpectedNull: WireError {
        WireError(.unexpectedNull, "an array is null where none may be")
    }

    mutating func writeCount(_ count: Int, flexible: Bool) throws(WireError) {
        guard count < Int(Int32.max) else { throw WireError(.tooLong, "\(count) elements or bytes; int32 counts them") }
        if flexible {
            writeUnsignedVarint(UInt32(count) + 1)
        } else {
            writeInteger(Int32(count))
        }
    }

    mutating func writeNullCount(flexible: Bool) {
        if flexible {
            writeInteger(UInt8(0))
        } else {
            writeInteger(Int32(-1))
        }
    }

    // Structs.

    mutating func readArray<Element: WireStruct>(
        of type: Element.Type, version: Int16, flexible: Bool
    ) throws(WireError) -> [Element] {
        guard let elements = try readNullableArray(of: type, version: version, flexible: flexible) else {
            throw Self.unexpectedNull
        }
        return elements
    }

    mutating func readNullableArray<Element: WireStruct>(
        of type: Element.Type, version: Int16, flexible: Bool
    ) throws(WireError) -> [Element]? {
        guard let count = try readCount(flexible: flexible, sizeMin: Element.wireSizeMin) else { return nil }
        var elements: [Element] = []
        elements.reserveCapacity(min(count, Self.reservedCountMax))
        for _ in 0..<count { elements.append(try Element.read(from: &self, version: version)) }
        return elements
    }

    mutating func writeArray<Element: WireStruct>(
        _ elements: [Element], version: Int16, flexible: Bool
    ) throws(WireError) {
        try writeCount(elements.count, flexible: flexible)
        for element in elements {
            try element.write(to: &self, version: version)
            // Before the buffer ends the process at twice as many.
            guard writerIndex <= Int(Int32.max) else {
                throw WireError(.tooLong, "more than \(Int32.max) bytes; int32 counts them")
            }
        }
    }

    mutating func writeNullableArray<Element: WireStruct>(
        _ elements: [Element]?, version: Int16, flexible: Bool
    ) throws(WireError) {
        guard let elements else { return writeNullCount(flexible: flexible) }
        try writeArray(elements, version: version, flexible: flexible)
    }

    // Primitives.

    mutating func readArray<Element: WirePrimitive>(
        of type: Element.Type, flexible: Bool
    ) throws(WireError) -> [Element] {
        guard let elements = try readNullableArray(of: type, flexible: flexible) else { throw Self.unexpectedNull }
        return elements
    }

    mutating func readNullableArray<Element: WirePrimitive>(
        of type: Element.Type, flexible: Bool
    ) throws(WireError) -> [Element]? {
        guard let count = try readCount(flexible: flexible, sizeMin: Element.wireSizeMin) else { return nil }
        var elements: [Element] = []
        elements.reserveCapacity(min(count, Self.reservedCountMax))
        for _ in 0..<count { elements.append(try Element.read(from: &self, flexible: flexible)) }
        return elements
    }

    mutating func writeArray<Element: WirePrimitive>(_ elements: [Element], flexible: Bool) throws(WireError) {
        try writeCount(elements.count, flexible: flexible)
        for element in elements { try element.write(to: &self, flexible: flexible) }
    }

    mutating func writeNullableArray<Element: WirePrimitive>(
        _ elements: [Element]?, flexible: Bool
    ) throws(WireError) {
        guard let elements else { return writeNullCount(flexible: flexible) }
        try writeArray(elements, flexible: flexible)
    }

    // A struct that may be null: a byte, negative for null, then the struct (KIP-893).

    mutating func readNullable<Value: WireStruct>(
        _ type: Value.Type, version: Int16
    ) throws(WireError) -> Value? {
        try readInt8() < 0 ? nil : try Value.read(from: &self, version: version)
    }

    mutating func writeNullable<Value: WireStruct>(_ value: Value?, version: Int16) throws(WireError) {
        writeInteger(value == nil ? Int8(-1) : Int8(1))
        try value?.write(to: &self, version: version)
    }
}
