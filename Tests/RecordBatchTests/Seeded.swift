import NIOCore
import RecordBatch
import Testing
import WeirSimulation

extension SeededRandom {
    mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    mutating func oneIn(_ count: Int) -> Bool { integer(1...count) == 1 }

    /// Bytes that repeat here and there, as real ones do, so that codecs have something to find.
    mutating func bytes(_ count: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        while buffer.readableBytes < count {
            let run = min(integer(1...24), count - buffer.readableBytes)
            if oneIn(2) {
                buffer.writeRepeatingByte(UInt8.random(in: 97...122, using: &self), count: run)
            } else {
                for _ in 0..<run { buffer.writeInteger(UInt8.random(in: .min ... .max, using: &self)) }
            }
        }
        return buffer
    }

    mutating func field(_ countMax: Int) -> ByteBuffer? {
        oneIn(6) ? nil : oneIn(6) ? ByteBuffer() : bytes(integer(1...countMax))
    }

    mutating func headers() -> [Record.Header] {
        guard oneIn(3) else { return [] }
        return (0..<integer(1...4)).map { _ in
            Record.Header(key: ["", "trace", "größe", "a b"].randomElement(using: &self)!, value: field(20))
        }
    }
}

/// A record as a producer gives it.
struct Draft: Equatable {
    var key: ByteBuffer?
    var value: ByteBuffer?
    var headers: [Record.Header] = []
    var timestamp: Int64

    static func random(_ random: inout SeededRandom) -> Draft {
        Draft(
            key: random.field(30), value: random.field(300), headers: random.headers(),
            timestamp: 1_700_000_000_000 + Int64(random.integer(-5_000...5_000)))
    }
}

/// A batch of `drafts`.
func batch(
    _ drafts: [Draft], codec: Codec = .none, attributes: BatchAttributes = [], producerID: Int64 = -1,
    epoch: Int16 = -1, sequence: Int32 = -1, baseOffset: Int64 = 0, leaderEpoch: Int32 = -1
) throws -> ByteBuffer {
    var builder = RecordBatchBuilder(
        codec: codec, attributes: attributes, producerID: producerID, producerEpoch: epoch, baseSequence: sequence)
    for draft in drafts {
        builder.append(timestamp: draft.timestamp, key: draft.key, value: draft.value, headers: draft.headers)
    }
    return try builder.build(baseOffset: baseOffset, leaderEpoch: leaderEpoch)
}

/// The records of the batch, as a producer gave them.
func drafts(in batch: ByteBuffer, sizeBytesMax: Int = 1 << 22) throws -> [Draft] {
    let header = try BatchHeader(of: batch, at: batch.readerIndex)
    var reader = try RecordReader(batch, header: header, uncompressedSizeBytesMax: sizeBytesMax)
    var drafts: [Draft] = []
    while let record = try reader.next() {
        #expect(record.offsetDelta == drafts.count)
        drafts.append(
            Draft(
                key: record.key, value: record.value, headers: record.headers, timestamp: header.timestamp(of: record)))
    }
    #expect(reader.isAtEnd)
    return drafts
}

/// The code of the error that `body` throws; nil where it throws none.
func code(_ body: () throws -> Void) -> BatchError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? BatchError)?.code
    }
}

extension ByteBuffer {
    /// The bytes of a hexadecimal text; blanks and line ends are skipped.
    init(hex: String) {
        self.init()
        let digits = hex.compactMap(\.hexDigitValue)
        for pair in stride(from: 0, to: digits.count - 1, by: 2) {
            writeInteger(UInt8(digits[pair] << 4 | digits[pair + 1]))
        }
    }
}
