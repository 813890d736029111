internal import FoundationEssentials
internal import WeirPluginABI

/// The host's table of functions.
///
/// `@unchecked Sendable`: immutable, thread-safe by its contract, and it lives as long as the process.
struct HostTable: @unchecked Sendable {
    let pointer: UnsafePointer<weir_host_v1>

    var pointee: weir_host_v1 { pointer.pointee }

    /// The plugin's handle.
    var host: UInt64 { pointer.pointee.host }

    /// Throws where a call did not go well.
    func check(_ code: Int32, _ message: String = "") throws(HostError) {
        guard code == WEIR_OK else { throw HostError(code: HostError.Code(rawValue: code), message: message) }
    }

    /// Makes a call that gives a result, copies it, and gives the host its memory back.
    func result(_ call: (UnsafeMutablePointer<weir_result>) -> Int32) throws(HostError) -> [UInt8] {
        var result = weir_result()
        let code = call(&result)
        let bytes = result.bytes.copied ?? []
        if result.handle != 0 { _ = pointee.release(host, result.handle) }
        try check(code, code == WEIR_OK ? "" : String(decoding: bytes, as: UTF8.self))
        return bytes
    }
}

extension weir_bytes {
    /// A copy; nil for none.
    var copied: [UInt8]? {
        guard let data else { return nil }
        return Array(UnsafeBufferPointer(start: data, count: size))
    }
}

/// Lends Swift's bytes to C calls.
enum Lent {
    static func bytes<Value>(_ text: String, _ body: (weir_bytes) -> Value) -> Value {
        bytes(Array(text.utf8), body)
    }

    static func bytes<Value>(_ bytes: [UInt8]?, _ body: (weir_bytes) -> Value) -> Value {
        guard let bytes else { return body(weir_bytes()) }
        // An empty array may have no address, which would mean "none".
        guard !bytes.isEmpty else {
            let nothing: UInt8 = 0
            return withUnsafePointer(to: nothing) { body(weir_bytes(data: $0, size: 0)) }
        }
        return bytes.withUnsafeBufferPointer { body(weir_bytes(data: $0.baseAddress, size: $0.count)) }
    }

    static func three<Value>(
        _ first: String, _ second: String, _ third: String, _ body: (weir_bytes, weir_bytes, weir_bytes) -> Value
    ) -> Value {
        bytes(first) { first in
            bytes(second) { second in
                bytes(third) { third in body(first, second, third) }
            }
        }
    }
}

/// JSON as objects are written in Weir.
enum JSON {
    static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}
