import KafkaWire
import NIOCore
import Testing
import WeirSimulation

@Suite("Bytes that are no message")
struct HostileBytesTests {
    @Test("every beginning of a message is refused")
    func truncated() {
        for message in TypedMessage.all {
            for seed in seeds(2) {
                let bytes = message.randomBytes(seed: seed)
                for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 40)) {
                    #expect(throws: WireError.self, "\(message.testDescription), seed \(seed), \(length) bytes") {
                        try message.read(Array(bytes[..<length]))
                    }
                }
            }
        }
    }

    @Test("a message with flipped bytes gives a value or an error")
    func mutated() {
        for message in TypedMessage.all {
            for seed in seeds(6) {
                var random = SeededRandom(seed: seed)
                let bytes = message.randomBytes(seed: seed)
                for _ in 0..<12 {
                    var spoiled = bytes
                    for _ in 0..<Int.random(in: 1...3, using: &random) where !spoiled.isEmpty {
                        let position = Int.random(in: 0..<spoiled.count, using: &random)
                        spoiled[position] = [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)]
                            .randomElement(using: &random)!
                    }
                    try? message.read(spoiled)
                }
            }
        }
    }

    @Test("arbitrary bytes give a value or an error")
    func arbitrary() {
        for message in TypedMessage.all {
            for seed in seeds(20) {
                var random = SeededRandom(seed: seed)
                let count = Int.random(in: 0..<120, using: &random)
                // Few large bytes, or nearly every length is out of bounds at once.
                let bytes = (0..<count).map { _ in
                    Bool.random(using: &random)
                        ? UInt8.random(in: 0...3, using: &random) : UInt8.random(in: 0...255, using: &random)
                }
                try? message.read(bytes)
            }
        }
    }

    @Test(
        "a count that the bytes behind it cannot hold is refused, however large", arguments: [4, 1_000, Int(Int32.max)])
    func falseCounts(count: Int) {
        var refused = 0
        for message in TypedMessage.all {
            for seed in seeds(2) {
                var encoder = SchemaEncoder(message.schema, version: Int(message.version), seed: seed)
                let bytes = encoder.message()
                for position in encoder.countPositions.prefix(4) {
                    var spoiled = Array(bytes[..<position])
                    if message.schema.flexible?.contains(Int(message.version)) ?? false {
                        appendVarint(UInt64(count) + 1, to: &spoiled)
                    } else {
                        spoiled += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) }
                    }
                    spoiled += [0, 0, 0]
                    #expect(throws: WireError.self, "\(message.testDescription), seed \(seed), count at \(position)") {
                        try message.read(spoiled)
                    }
                    refused += 1
                }
            }
        }
        #expect(refused > 1_000)
    }

    /// The bound that README.md gives; raise it there too if a new message needs more.
    @Test("an array's elements take at most 64 bytes of memory for a byte on the wire")
    func memoryBound() {
        for type in generatedStructs {
            #expect(memory(of: type) <= 64 * type.wireSizeMin, "\(type): \(memory(of: type)) bytes")
        }
    }

    private func memory<Element: WireStruct>(of type: Element.Type) -> Int { MemoryLayout<Element>.stride }

    @Test("a null array where none may be is an error, not a crash")
    func nullArray() {
        let nullTopics: [UInt8] = [0xff, 0xff, 0xff, 0xff]
        #expect(throws: WireError.self) { try MetadataRequest.decode(ByteBuffer(bytes: nullTopics), version: 0) }
        #expect(try! MetadataRequest.decode(ByteBuffer(bytes: nullTopics), version: 1).topics == nil)
        let belowNull: [UInt8] = [0xff, 0xff, 0xff, 0xfe]
        #expect(throws: WireError.self) { try MetadataRequest.decode(ByteBuffer(bytes: belowNull), version: 1) }
    }

    @Test("strings that are not UTF-8 are refused")
    func badText() {
        let code = errorCode { try SaslHandshakeRequest.decode(ByteBuffer(bytes: [0, 2, 0xc3, 0x28]), version: 1) }
        #expect(code == .invalidString)
    }

    @Test("bytes behind a message are left, and an error where it has to be all there is")
    func trailing() throws {
        let bytes = ByteBuffer(bytes: [0, 1, 0x61, 9, 9])
        var buffer = bytes
        #expect(try SaslHandshakeRequest.read(from: &buffer, version: 1).mechanism == "a")
        #expect(buffer.readableBytes == 2)
        #expect(errorCode { try SaslHandshakeRequest.decode(bytes, version: 1) } == .trailingBytes)
    }
}

/// The code of the wire error that `body` throws.
func errorCode<Value>(_ body: () throws -> Value) -> WireError.Code? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? WireError)?.code
    }
}
