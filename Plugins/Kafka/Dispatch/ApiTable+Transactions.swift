import KafkaWire

extension ApiTable {
    /// Transactions: being a transactional producer, and what tools ask.
    static let transactions: [ApiEntry] = [
        .direct(0...5) { broker, request, context, reply in
            broker.serveAddPartitionsToTxn(request, context, reply)
        },
        .direct(0...4) { broker, request, context, reply in broker.serveAddOffsetsToTxn(request, context, reply) },
        .direct(0...5) { broker, request, context, reply in broker.serveEndTxn(request, context, reply) },
        .direct(1...2) { broker, request, context, reply in broker.serveWriteTxnMarkers(request, context, reply) },
        .direct(0...5) { broker, request, context, reply in broker.serveTxnOffsetCommit(request, context, reply) },
        .direct(0...0) { broker, request, context, reply in broker.serveDescribeProducers(request, context, reply) },
        .direct(0...0) { broker, request, context, reply in
            broker.serveDescribeTransactions(request, context, reply)
        },
        .direct(0...2) { broker, request, context, reply in broker.serveListTransactions(request, context, reply) },
    ]
}
