import Raft

/// The text that a payload stands for; the cluster's owner of all bytes.
final class TextPayload: Sendable {
    let text: String

    init(_ text: String) { self.text = text }
}

extension Payload {
    init(text: String) {
        self.init(owner: text.isEmpty ? nil : TextPayload(text), byteCount: text.utf8.count)
    }

    var text: String { (owner as? TextPayload)?.text ?? "" }

    /// The text in quotes, with what is not printable ASCII escaped.
    var quotedText: String {
        var quoted = "\""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): quoted += "\\\""
            case UInt8(ascii: "\\"): quoted += "\\\\"
            case UInt8(ascii: "\n"): quoted += "\\n"
            case UInt8(ascii: "\t"): quoted += "\\t"
            case 0x20..<0x7F: quoted.unicodeScalars.append(Unicode.Scalar(byte))
            default: quoted += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return quoted + "\""
    }
}
