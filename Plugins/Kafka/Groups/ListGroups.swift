import Coordinators
import KafkaWire

extension Broker {
    /// Lists the groups that this node coordinates, by state and type where asked.
    func serveListGroups(_ request: ListGroupsRequest, _ context: RequestContext, _ reply: Reply) -> RequestFlow {
        let groups = coordinators.groups
        let shards = groups.shards.byPartition.sorted { $0.key < $1.key }.map(\.value)
        groups.askAll(
            shards.map { (.success($0), .list(request)) }, .lastingRead, home: context.loop
        ) { [self] answers in
            var response = ListGroupsResponse()
            for answer in answers {
                switch answer {
                case .success(.list(let found)): response.groups += found
                case .success(let other): preconditionFailure("\(other) answers no list")
                // One that is elsewhere lists its groups there.
                case .failure(.moved): continue
                case .failure(let refusal): response.errorCode = refusal.code
                }
            }
            send(response, context, reply, sizeHint: 256 + 64 * response.groups.count)
        }
        return .pipelined
    }
}
