import HTTPTypes

/// What a path names. Read from the raw path, so that an escaped byte is told apart from a separator.
enum AdminRoute: Hashable, Sendable {
    case livez
    case readyz
    case metrics
    case work
    case workStream
    /// A component and everything below it; nil: all.
    case drain(name: String?)

    /// The route of a path without its query; nil where there is none.
    init?(path: String) {
        switch path {
        case "/livez": self = .livez
        case "/readyz": self = .readyz
        case "/metrics": self = .metrics
        case "/weir/v1/work": self = .work
        case "/weir/v1/work/stream": self = .workStream
        case Self.drainPath, Self.drainPath + "/": self = .drain(name: nil)
        default:
            guard path.hasPrefix(Self.drainPath + "/") else { return nil }
            self = .drain(name: path.dropFirst(Self.drainPath.count + 1).removingPercentEscapes())
        }
    }

    private static let drainPath = "/weir/v1/drain"

    /// What may be done there.
    var methods: [HTTPRequest.Method] {
        switch self {
        case .drain: [.get, .head, .post, .delete]
        default: [.get, .head]
        }
    }

    /// How metrics call it: component names are left out, so that there are only so many.
    var label: String {
        switch self {
        case .livez: "/livez"
        case .readyz: "/readyz"
        case .metrics: "/metrics"
        case .work: "/weir/v1/work"
        case .workStream: "/weir/v1/work/stream"
        case .drain: Self.drainPath
        }
    }
}

extension StringProtocol {
    /// The text with `%41` read as `A`; what is not an escape stays as it is.
    func removingPercentEscapes() -> String {
        var bytes: [UInt8] = []
        var rest = Array(utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let high = rest.first?.hexDigit, let low = rest.dropFirst().first?.hexDigit {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension UInt8 {
    /// The value of an ASCII hexadecimal digit; nil for anything else.
    fileprivate var hexDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
