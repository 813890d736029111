import NIOCore

extension WirePrimitive where Self: FixedWidthInteger {
    static var wireSizeMin: Int { MemoryLayout<Self>.size }

    static func read(from buffer: inout ByteBuffer, flexible: Bool) throws(WireError) -> Self {
        guard let value = buffer.readInteger(as: Self.self) else {
            throw WireError(.truncated, "the bytes end inside a number")
        }
        return value
    }

    func write(to buffer: inout ByteBuffer, flexible: Bool) throws(WireError) {
        buffer.writeInteger(self)
    }
}

extension Int8: WirePrimitive {}
extension Int16: WirePrimitive {}
extension Int32: WirePrimitive {}
extension Int64: WirePrimitive {}
extension UInt16: WirePrimitive {}
extension UInt32: WirePrimitive {}

extension Bool: WirePrimitive {
    static var wireSizeMin: Int { 1 }

    static func read(from buffer: inout ByteBuffer, flexible: Bool) throws(WireError) -> Bool {
        try buffer.readBool()
    }

    func write(to buffer: inout ByteBuffer, flexible: Bool) throws(WireError) {
        buffer.writeInteger(self ? UInt8(1) : UInt8(0))
    }
}

extension Double: WirePrimitive {
    static var wireSizeMin: Int { 8 }

    static func read(from buffer: inout ByteBuffer, flexible: Bool) throws(WireError) -> Double {
        try buffer.readFloat64()
    }

    func write(to buffer: inout ByteBuffer, flexible: Bool) throws(WireError) {
        buffer.writeInteger(bitPattern)
    }
}

extension WireUUID: WirePrimitive {
    static var wireSizeMin: Int { 16 }

    static func read(from buffer: inout ByteBuffer, flexible: Bool) throws(WireError) -> WireUUID {
        try buffer.readUUID()
    }

    func write(to buffer: inout ByteBuffer, flexible: Bool) throws(WireError) {
        buffer.writeUUID(self)
    }
}

extension String: WirePrimitive {
    static var wireSizeMin: Int { 1 }

    static func read(from buffer: inout ByteBuffer, flexible: Bool) throws(WireError) -> String {
        try buffer.readString(flexible: flexible)
    }

    func write(to buffer: inout ByteBuffer, flexible: Bool) throws(WireError) {
        try buffer.writeString(self, flexible: flexible)
    }
}

extension ByteBuffer: WirePrimitive {
    static var wireSizeMin: Int { 1 }

    static func read(from buffer: inout ByteBuffer, flexible: Bool) throws(WireError) -> ByteBuffer {
        try buffer.readBytes(flexible: flexible)
    }

    func write(to buffer: inout ByteBuffer, flexible: Bool) throws(WireError) {
        try buffer.writeBytes(self, flexible: flexible)
    }
}
