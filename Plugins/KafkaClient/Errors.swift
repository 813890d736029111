public import KafkaWire

/// Why a client could not do what it was asked to.
public struct ClientError: Error, Hashable, CustomStringConvertible {
    /// The kinds that callers tell apart.
    public struct Code: Hashable, Sendable {
        let name: String

        /// Nobody listens there, or the name is not known.
        public static let unreachable = Code(name: "unreachable")
        /// The connection closed, or an answer did not come in time.
        public static let disconnected = Code(name: "disconnected")
        /// The broker does not know the request, or answered something else.
        public static let unsupported = Code(name: "unsupported")
        /// The broker answered with an error of the protocol.
        public static let refused = Code(name: "refused")
        /// The address is not HOST:PORT.
        public static let badAddress = Code(name: "badAddress")
    }

    /// Which kind.
    public var code: Code
    /// What the broker answered, where it did.
    public var errorCode: ErrorCode?
    /// One sentence that says what to do.
    public var message: String

    /// A failure with its sentence.
    public init(_ code: Code, _ message: String, errorCode: ErrorCode? = nil) {
        self.code = code
        self.message = message
        self.errorCode = errorCode
    }

    /// What the broker refused, in its own words where it gave some.
    public static func refused(_ what: String, _ errorCode: ErrorCode, _ reason: String?) -> ClientError {
        let text = reason.map { $0.isEmpty ? errorCode.name : "\(errorCode.name): \($0)" } ?? errorCode.name
        return ClientError(.refused, "\(what): \(text)", errorCode: errorCode)
    }

    /// Whether trying again, with fresh metadata, may help.
    public var isRetriable: Bool {
        if let errorCode { return errorCode.isRetriable }
        return code == .disconnected || code == .unreachable
    }

    /// The sentence.
    public var description: String { message }
}

/// Where a broker listens.
public struct BrokerAddress: Sendable, Hashable, CustomStringConvertible {
    /// A host name or an address.
    public var host: String
    /// The port.
    public var port: Int

    /// An address.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`, the host of an IPv6 address in brackets.
    public init(_ text: String) throws(ClientError) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65535).contains(port)
        else {
            throw ClientError(.badAddress, "'\(text)' is not HOST:PORT, such as 127.0.0.1:9092")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        self.init(host: host.isEmpty ? "127.0.0.1" : String(host), port: port)
    }

    /// `HOST:PORT`.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
