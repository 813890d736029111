import Coordinators
import KafkaWire
import WeirRuntime

extension Broker {
    /// Tells what is known of transactional ids (KIP-664).
    func serveDescribeTransactions(
        _ request: DescribeTransactionsRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        let coordinator = coordinators.transactions
        coordinator.askAll(
            request.transactionalIds.map { (coordinator.shard(of: $0), .describe($0)) }, .lastingRead,
            home: context.loop
        ) { [self] answers in
            var response = DescribeTransactionsResponse()
            response.transactionStates = zip(request.transactionalIds, answers).map { id, answer in
                switch answer {
                case .success(.describe(let state)): return state
                case .success(let other): preconditionFailure("\(other) answers no DescribeTransactions")
                case .failure(let refusal):
                    var state = DescribeTransactionsResponse.TransactionState()
                    state.transactionalId = id
                    // Where the topic was never made, no id was ever given.
                    state.errorCode = coordinator.hasTopic ? refusal.code : .transactionalIdNotFound
                    return state
                }
            }
            send(response, context, reply)
        }
        return .pipelined
    }

    /// Lists the transactional ids that pass the request's filters (KIP-664, KIP-994).
    func serveListTransactions(
        _ request: ListTransactionsRequest, _ context: RequestContext, _ reply: Reply
    ) -> RequestFlow {
        let coordinator = coordinators.transactions
        let shards = coordinator.shards.byPartition.values
        coordinator.askAll(shards.map { (.success($0), .list(request)) }, .lastingRead, home: context.loop) {
            [self] answers in
            var response = ListTransactionsResponse()
            response.unknownStateFilters = request.stateFilters.filter { !TransactionState.names.contains($0) }
            for answer in answers {
                switch answer {
                case .success(.list(let part)):
                    if response.errorCode == .none { response.errorCode = part.errorCode }
                    response.transactionStates += part.transactionStates
                case .success(let other): preconditionFailure("\(other) answers no ListTransactions")
                case .failure(let refusal): response.errorCode = refusal.code
                }
            }
            if response.errorCode != .none { response.transactionStates = [] }
            send(response, context, reply)
        }
        return .pipelined
    }
}
