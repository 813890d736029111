import KafkaWire
import NIOCore
import WorkTracking

/// One API that is served: its versions, and what answers it.
struct ApiEntry: Sendable {
    typealias Serve = @Sendable (Broker, inout ByteBuffer, RequestContext, Reply) throws -> RequestFlow

    let key: ApiKey
    /// The versions that are decoded and encoded.
    let versions: ClosedRange<Int16>
    /// The versions that ApiVersions tells.
    let advertised: ClosedRange<Int16>
    let serve: Serve

    init(_ key: ApiKey, _ versions: ClosedRange<Int16>, advertised: ClosedRange<Int16>? = nil, serve: @escaping Serve) {
        self.key = key
        self.versions = versions
        self.advertised = advertised ?? versions
        self.serve = serve
    }

    /// An API that is answered at once, on the connection's loop.
    static func immediate<Request: KafkaRequest>(
        _ versions: ClosedRange<Int16>,
        _ answer: @escaping @Sendable (Broker, Request, RequestContext) -> Request.Response
    ) -> ApiEntry {
        ApiEntry(Request.apiKey, versions) { broker, body, context, reply in
            let request = try Request.read(from: &body, version: context.version)
            try broker.counted(context, reply) {
                broker.send(answer(broker, request, context), context, reply)
            }
            return .pipelined
        }
    }

    /// An API of the edge: answered by a task, and nothing of the connection overtakes it.
    static func async<Request: KafkaRequest>(
        _ versions: ClosedRange<Int16>, _ access: Access,
        _ answer: @escaping @Sendable (Broker, Request, RequestContext) async -> Request.Response
    ) -> ApiEntry {
        ApiEntry(Request.apiKey, versions) { broker, body, context, reply in
            let request = try Request.read(from: &body, version: context.version)
            broker.answerLater(context, reply, access: access) { await answer(broker, request, context) }
            return .barrier
        }
    }
}

/// Every API that is served, by key. What is here is what ApiVersions tells.
struct ApiTable: Sendable {
    /// Every API that this broker serves.
    static let standard = ApiTable(
        dataPath
            + groups
            + tools
            + topicAdministration
            + transactions)

    /// By key; nil: not served.
    private let slots: [ApiEntry?]

    init(_ entries: [ApiEntry]) {
        var slots = [ApiEntry?](repeating: nil, count: Int((entries.map(\.key.rawValue).max() ?? -1) + 1))
        for entry in entries {
            precondition(slots[Int(entry.key.rawValue)] == nil, "\(entry.key) is in the table twice")
            slots[Int(entry.key.rawValue)] = entry
        }
        self.slots = slots
    }

    /// The APIs, by key.
    var entries: [ApiEntry] { slots.compactMap { $0 } }

    subscript(key: ApiKey) -> ApiEntry? {
        let index = Int(key.rawValue)
        return slots.indices.contains(index) ? slots[index] : nil
    }

    /// Producing, consuming, and what they need first.
    private static let dataPath: [ApiEntry] = [
        // Told from 0: older librdkafka sends uncompressed batches where 0 is missing (KAFKA-18659).
        ApiEntry(.produce, 3...13, advertised: 0...13) { broker, body, context, reply in
            try broker.serveProduce(&body, context, reply)
        },
        ApiEntry(.fetch, 4...18) { broker, body, context, reply in
            try broker.serveFetch(&body, context, reply)
        },
        ApiEntry(.listOffsets, 1...11) { broker, body, context, reply in
            try broker.serveListOffsets(&body, context, reply)
        },
        ApiEntry(.metadata, 0...13) { broker, body, context, reply in
            try broker.serveMetadata(&body, context, reply)
        },
        ApiEntry(.apiVersions, 0...4) { broker, body, context, reply in
            let request = try ApiVersionsRequest.read(from: &body, version: context.version)
            reply.connection.software = ClientSoftware(
                name: request.clientSoftwareName, version: request.clientSoftwareVersion)
            try broker.counted(context, reply) {
                broker.send(broker.apiVersions(request, context), context, reply)
            }
            return .pipelined
        },
        ApiEntry(.initProducerId, 0...5) { broker, body, context, reply in
            try broker.serveInitProducerID(&body, context, reply)
        },
        ApiEntry(.offsetForLeaderEpoch, 2...4) { broker, body, context, reply in
            try broker.serveOffsetForLeaderEpoch(&body, context, reply)
        },
    ]
}
