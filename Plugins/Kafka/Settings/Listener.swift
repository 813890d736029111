/// An address that the broker listens on, or sends clients to: `NAME://host:port`.
public struct Listener: Sendable, Hashable, CustomStringConvertible {
    /// The listener's name; an advertised address belongs to the listener of its name.
    public var name: String
    /// A host name or an address, without brackets; empty: all interfaces.
    public var host: String
    /// The port; 0 takes a free one.
    public var port: UInt16

    /// The listener `name` at `host` and `port`.
    public init(name: String, host: String, port: UInt16) {
        self.name = name
        self.host = host
        self.port = port
    }

    /// Reads `NAME://host:port`, the host of an IPv6 address in brackets; nil where it has another form.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].hasPrefix("//"), let colon = parts[1].lastIndex(of: ":") else { return nil }
        let name = parts[0].uppercased()
        var host = parts[1][parts[1].index(parts[1].startIndex, offsetBy: 2)...]
        guard colon >= host.startIndex, let port = UInt16(host[host.index(after: colon)...]) else { return nil }
        host = host[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]"), host.count > 2 {
            host = host.dropFirst().dropLast()
        } else if host.contains(where: { ":[]/ ".contains($0) }) {
            return nil
        }
        guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_-.".contains($0)) })
        else { return nil }
        self.init(name: name, host: String(host), port: port)
    }

    /// `NAME://host:port`.
    public var description: String { "\(name)://\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    /// Why the listener cannot be served; nil where it can.
    var complaintAboutProtocol: String? {
        guard ["SSL", "SASL_PLAINTEXT", "SASL_SSL"].contains(name) else { return nil }
        return "\(name) is not supported yet; use PLAINTEXT"
    }

    static func form(_ text: String) -> String {
        "\(text) is not of the form NAME://host:port, such as PLAINTEXT://127.0.0.1:9092"
    }
}
