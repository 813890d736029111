import Raft
import Testing
import WeirSimulation

@Suite("random messages and random bytes")
struct CodecPropertyTests {
    /// Decodes; what decodes must encode to the same bytes. Whether it did.
    @discardableResult
    private func check(_ bytes: [UInt8], _ comment: Comment) -> Bool {
        do throws(DecodeError) {
            let message = try MessageCodec.open.message(bytes)
            let again = MessageCodec.open.bytes(message)
            #expect(again == bytes, "\(comment): \(bytes.hex) encodes again to \(again.hex)")
            return true
        } catch {
            #expect((0...bytes.count).contains(error.offset), "\(comment): \(bytes.hex)")
            return false
        }
    }

    @Test("come back from their bytes as they were", arguments: 0..<20 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for turn in 0..<400 {
            let message = random.message()
            let bytes = MessageCodec.open.bytes(message)
            let decoded = try MessageCodec.open.message(bytes)
            #expect(PlainMessage(decoded) == PlainMessage(message), "seed \(seed), turn \(turn): \(bytes.hex)")
            #expect(MessageCodec.open.bytes(decoded) == bytes, "seed \(seed), turn \(turn)")
        }
    }

    @Test("cut anywhere are refused", arguments: 0..<10 as Range<UInt64>)
    func truncations(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for turn in 0..<40 {
            let bytes = MessageCodec.open.bytes(random.message())
            for count in 0..<bytes.count {
                #expect(
                    !check(Array(bytes[..<count]), "seed \(seed), turn \(turn)"),
                    "seed \(seed), turn \(turn): \(count) bytes of \(bytes.hex)")
            }
        }
    }

    @Test("with any one byte changed are refused, or are another message", arguments: 0..<6 as Range<UInt64>)
    func flips(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var refused = 0
        var others = 0
        for turn in 0..<8 {
            var bytes = MessageCodec.open.bytes(random.message())
            for place in bytes.indices.prefix(40) {
                let sound = bytes[place]
                for flip in 1...UInt8.max {
                    bytes[place] = sound ^ flip
                    if check(bytes, "seed \(seed), turn \(turn), byte \(place)") { others += 1 } else { refused += 1 }
                }
                bytes[place] = sound
            }
        }
        #expect(refused > 0 && others > 0)
    }

    @Test("of noise never trap, behind a sound beginning or without", arguments: 0..<10 as Range<UInt64>)
    func noise(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for turn in 0..<3_000 {
            var bytes = random.bytes(48)
            if random.oneIn(2) {
                bytes = [1, UInt8(random.integer(0...23)), UInt8(random.integer(0...127))] + bytes
            }
            if random.oneIn(2) { bytes = bytes.map { random.oneIn(3) ? $0 : $0 & 0x07 } }
            check(bytes, "seed \(seed), turn \(turn)")
        }
    }

    @Test("of noise as parts by themselves never trap either", arguments: 0..<4 as Range<UInt64>)
    func noiseOfParts(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let codec = MessageCodec()
        for _ in 0..<3_000 {
            let bytes = [1] + random.bytes(24).map { random.oneIn(3) ? $0 : $0 & 0x07 }
            bytes.withUnsafeBytes { raw in
                if let state = try? codec.decodeHardState(raw) {
                    var again: [UInt8] = []
                    codec.encode(state, into: &again)
                    #expect(again == bytes)
                }
                if let change = try? codec.decodeChange(raw) {
                    var again: [UInt8] = []
                    codec.encode(change, into: &again)
                    #expect(again == bytes)
                }
                if let configuration = try? codec.decodeConfiguration(raw) {
                    var again: [UInt8] = []
                    codec.encode(configuration, into: &again)
                    #expect(again == bytes)
                }
                _ = try? codec.decodeEntry(raw) { Payload(byteCount: $0.count) }
                _ = try? codec.decodeSnapshot(raw) { Payload(byteCount: $0.count) }
            }
        }
    }
}
