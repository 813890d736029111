import KafkaWire
import NIOCore

/// The bytes that `text` spells in hexadecimal; blanks do not count.
func bytes(_ text: String) -> ByteBuffer {
    let digits = text.filter { $0 != " " }.map { UInt8($0.hexDigitValue!) }
    return ByteBuffer(bytes: stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
}

func hexadecimal(_ buffer: ByteBuffer) -> String {
    buffer.readableBytesView.map { byte in
        let digits = String(byte, radix: 16)
        return digits.count == 1 ? "0" + digits : digits
    }.joined()
}

extension KafkaMessage {
    func encoded(_ version: Int16) throws(WireError) -> ByteBuffer {
        var buffer = ByteBuffer()
        try write(to: &buffer, version: version)
        return buffer
    }
}
