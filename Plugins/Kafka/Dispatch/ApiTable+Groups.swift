import KafkaWire
import NIOCore

extension ApiTable {
    /// Groups: finding their coordinator, being a member, committed offsets, and what tools ask.
    static let groups: [ApiEntry] = [
        .direct(0...6) { broker, request, context, reply in
            try broker.serveFindCoordinator(request, context, reply)
        },
        .direct(0...9) { broker, request, context, reply in broker.serveJoinGroup(request, context, reply) },
        .direct(0...5) { broker, request, context, reply in broker.serveSyncGroup(request, context, reply) },
        .direct(0...4) { broker, request, context, reply in broker.serveHeartbeat(request, context, reply) },
        .direct(0...5) { broker, request, context, reply in broker.serveLeaveGroup(request, context, reply) },
        .direct(2...10) { broker, request, context, reply in broker.serveOffsetCommit(request, context, reply) },
        .direct(1...10) { broker, request, context, reply in broker.serveOffsetFetch(request, context, reply) },
        .direct(0...5) { broker, request, context, reply in broker.serveListGroups(request, context, reply) },
        .direct(0...6) { broker, request, context, reply in broker.serveDescribeGroups(request, context, reply) },
        .direct(0...2) { broker, request, context, reply in broker.serveDeleteGroups(request, context, reply) },
        .direct(0...0) { broker, request, context, reply in broker.serveOffsetDelete(request, context, reply) },
        .direct(0...1) { broker, request, context, reply in
            broker.serveConsumerGroupHeartbeat(request, context, reply)
        },
        .direct(0...0) { broker, request, context, reply in
            broker.serveConsumerGroupDescribe(request, context, reply)
        },
    ]
}

extension ApiEntry {
    /// An API whose handler sees to its own counting and answering.
    static func direct<Request: KafkaRequest>(
        _ versions: ClosedRange<Int16>,
        _ serve: @escaping @Sendable (Broker, Request, RequestContext, Reply) throws -> RequestFlow
    ) -> ApiEntry {
        ApiEntry(Request.apiKey, versions) { broker, body, context, reply in
            try serve(broker, try Request.read(from: &body, version: context.version), context, reply)
        }
    }
}
