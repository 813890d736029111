import NIOCore
import Testing
import WeirSimulation

@testable import Kafka

@Suite("frames") struct FrameDecoderTests {
    @Test("frames come out whole, however the bytes are cut", arguments: UInt64(1)...50)
    func anyCuts(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var bodies: [[UInt8]] = []
        var stream = ByteBuffer()
        for _ in 0..<20 {
            let body = (0..<Int.random(in: 8...3000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            bodies.append(body)
            stream.writeInteger(Int32(body.count))
            stream.writeBytes(body)
        }
        var decoder = FrameDecoder(frameSizeBytesMax: 4000)
        var frames: [ByteBuffer] = []
        while stream.readableBytes > 0 {
            let count = min(stream.readableBytes, Int.random(in: 1...5000, using: &random))
            let piece = stream.readSlice(length: count)
            decoder.append(try #require(piece))
            while let frame = try decoder.next() { frames.append(frame) }
        }
        #expect(frames.map { Array($0.readableBytesView) } == bodies, "seed \(seed)")
        #expect(decoder.bytesHeld == 0)
    }

    @Test(
        "a length that no request has is refused before anything is kept for it",
        arguments: [
            (Int32(-1), FrameError.tooShort(-1)), (.min, .tooShort(Int(Int32.min))), (0, .tooShort(0)),
            (7, .tooShort(7)),
            (101, .tooLarge(101, limit: 100)), (.max, .tooLarge(Int(Int32.max), limit: 100)),
        ])
    func badLengths(length: Int32, expected: FrameError) {
        var decoder = FrameDecoder(frameSizeBytesMax: 100)
        decoder.append(ByteBuffer(integer: length))
        #expect(decoder.hasFrame)
        do {
            let frame = try decoder.next()
            Issue.record("gave \(String(describing: frame))")
        } catch {
            #expect(error == expected)
        }
    }

    @Test("memory is what arrived, not what was announced")
    func boundedMemory() throws {
        var decoder = FrameDecoder(frameSizeBytesMax: 100_000_000)
        decoder.append(ByteBuffer(integer: Int32(90_000_000)))
        for _ in 0..<100 { decoder.append(ByteBuffer(repeating: 1, count: 10)) }
        #expect(decoder.bytesHeld == 1004)
        #expect(decoder.storageBytes < 8192)
        let frame = try decoder.next()
        #expect(frame == nil)
    }

    @Test("the key of the next request is told once all of it is there")
    func frontKey() {
        var decoder = FrameDecoder(frameSizeBytesMax: 100)
        decoder.append(ByteBuffer(bytes: [0, 0, 0, 8, 0, 1, 0, 0]))
        #expect(decoder.frontKey == nil)
        decoder.append(ByteBuffer(bytes: [0, 0, 0, 0]))
        #expect(decoder.frontKey == 1)
    }
}
