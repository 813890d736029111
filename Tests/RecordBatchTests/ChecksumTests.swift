import NIOCore
import RecordBatch
import Testing
import WeirSimulation

@Suite("CRC-32C")
struct ChecksumTests {
    /// RFC 3720, section B.4, and the check value that CRC catalogues give.
    static let vectors: [(ByteBuffer, UInt32)] = [
        (ByteBuffer(repeating: 0, count: 32), 0x8a91_36aa),
        (ByteBuffer(repeating: 0xff, count: 32), 0x62a8_ab43),
        (ByteBuffer(bytes: 0...31), 0x46dd_794e),
        (ByteBuffer(bytes: (0...31).reversed()), 0x113f_db5c),
        (
            ByteBuffer(
                hex: """
                    01c00000 00000000 00000000 00000000 14000000 00000400 00000014 00000018
                    28000000 00000000 02000000 00000000
                    """), 0xd996_3a56
        ),
        (ByteBuffer(string: "123456789"), 0xe306_9283),
        (ByteBuffer(), 0),
    ]

    @Test("gives the checksums of RFC 3720, in hardware and by tables", arguments: vectors)
    func givesVectors(_ bytes: ByteBuffer, _ expected: UInt32) {
        #expect(Checksum.crc32c(bytes, at: 0, count: bytes.readableBytes) == expected)
        #expect(bytes.withUnsafeReadableBytes { Checksum.crc32cByTable($0) } == expected)
    }

    @Test(
        "is the same by tables and by the instruction, at any length and alignment", arguments: 0..<40 as Range<UInt64>)
    func methodsAgree(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let bytes = random.bytes(40_000)
        bytes.withUnsafeReadableBytes { bytes in
            for _ in 0..<50 {
                let start = random.integer(0...70)
                let length = random.oneIn(2) ? random.integer(0...900) : random.integer(0...(bytes.count - start))
                let part = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)])
                let begin = UInt32(truncatingIfNeeded: random.next())
                #expect(
                    Checksum.crc32c(part, continuing: begin) == Checksum.crc32cByTable(part, continuing: begin),
                    "seed \(seed): \(length) bytes at \(start)")
            }
        }
    }

    @Test("continues: the checksum of two parts is that of the whole", arguments: 0..<20 as Range<UInt64>)
    func continues(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let whole = random.bytes(random.integer(0...30_000))
        let count = whole.readableBytes
        let cut = random.integer(0...count)
        let first = Checksum.crc32c(whole, at: 0, count: cut)
        whole.withUnsafeReadableBytes { bytes in
            let rest = UnsafeRawBufferPointer(rebasing: bytes[cut...])
            #expect(
                Checksum.crc32c(rest, continuing: first) == Checksum.crc32c(whole, at: 0, count: count), "seed \(seed)")
        }
    }
}
