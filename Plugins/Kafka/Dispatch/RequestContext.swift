public import KafkaWire
public import WeirRuntime

/// What is known of a request beside its fields.
public struct RequestContext: Sendable {
    /// Which API.
    public var api: ApiKey
    /// In which version the request came and the response goes.
    public var version: Int16
    /// What the response carries back.
    public var correlationID: Int32
    /// What the client calls itself.
    public var clientID: String?
    /// The client's address, for logs.
    public var peer: String
    /// Where the listener that the client uses tells clients to find this node.
    public var endpoint: BrokerEndpoint
    /// The connection's loop.
    public var loop: any Loop
}
