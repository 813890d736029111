import KafkaWire

extension TransactionCoordinator {
    /// What an EndTxn comes to.
    private enum Verdict {
        /// It is refused.
        case refused(ErrorCode)
        /// It was done before, and is answered again.
        case repeated
        /// The transaction ends now.
        case ends
    }

    /// The producer commits or aborts. The answer waits for the decision's commit, not for the markers.
    mutating func end(
        _ request: EndTxnRequest, _ origin: RequestOrigin, freshID: Int64?, _ ticket: Ticket,
        at time: CoordinatorTime
    ) -> Step {
        let id = request.transactionalId
        let asker = ProducerIdentity(id: request.producerId, epoch: request.producerEpoch)
        let outcome: TransactionOutcome = request.committed ? .committed : .aborted
        let bumps = origin.version >= 5
        guard let entry = entries[id] else {
            return answering(id.isEmpty ? .invalidRequest : .invalidProducerIdMapping, origin, ticket)
        }
        let metadata = entry.metadata
        switch bumps ? verdictWithBump(outcome, asker, metadata) : verdict(outcome, asker, metadata) {
        case .refused(let error):
            return answering(error, origin, ticket)
        case .repeated:
            return answering(.none, origin, ticket, as: metadata.successor)
        case .ends:
            var step = Step()
            if bumps {
                precondition(!metadata.isEpochExhausted || freshID != nil, "the last epoch's end takes a fresh id")
                let next = metadata.endedWithBump(outcome, freshID: freshID, at: time.wallMilliseconds)
                write(next, of: id, in: &step)
            } else {
                let next = metadata.ended(outcome, at: time.wallMilliseconds)
                write(next, of: id, lastEpoch: entry.lastEpoch, in: &step)
            }
            let successor = entries[id]?.metadata.successor ?? asker
            finish(id, at: time, in: &step)
            step.append(answering(.none, origin, ticket, as: successor))
            return step
        }
    }

    /// A decision's markers are written: the id is free for the next transaction.
    mutating func complete(_ order: MarkerOrder, _ ticket: Ticket, at time: CoordinatorTime) -> Step {
        var step = Step.answer(ticket, .done)
        let id = order.transactionalID
        // What comes late, or from an older order of the same markers, finds the id further on.
        guard let entry = entries[id], entry.metadata.state.isPrepared, entry.metadata.producer == order.end.producer,
            entry.metadata.state.outcome == order.end.outcome
        else { return step }
        write(entry.metadata.completed(at: time.wallMilliseconds), of: id, lastEpoch: entry.lastEpoch, in: &step)
        return step
    }

    /// Orders the markers of what is decided; without partitions there are none to wait for.
    mutating func finish(_ id: String, at time: CoordinatorTime, in step: inout Step) {
        guard let entry = entries[id], entry.metadata.state.isPrepared, let outcome = entry.metadata.state.outcome
        else { return }
        let metadata = entry.metadata
        guard !metadata.partitions.isEmpty else {
            write(metadata.completed(at: time.wallMilliseconds), of: id, lastEpoch: entry.lastEpoch, in: &step)
            return
        }
        step.commands.append(
            .writeMarkers(
                MarkerOrder(
                    transactionalID: id, end: TransactionEnd(producer: metadata.producer, outcome: outcome),
                    coordinatorEpoch: coordinatorEpoch, partitions: metadata.partitions.sorted(),
                    transactionVersion: metadata.wasEndedWithBump ? 2 : 1)))
    }

    /// Before version 5: a transaction ends under the epoch that it had, and its end may be asked for again.
    private func verdict(
        _ outcome: TransactionOutcome, _ asker: ProducerIdentity, _ metadata: TransactionMetadata
    ) -> Verdict {
        guard asker.id == metadata.producer.id else { return .refused(.invalidProducerIdMapping) }
        guard metadata.isProducer(asker) else { return .refused(.producerFenced) }
        if metadata.state == .ongoing { return .ends }
        guard metadata.state.outcome == outcome else { return .refused(.invalidTxnState) }
        return metadata.state.isComplete ? .repeated : .refused(.concurrentTransactions)
    }

    /// From version 5 (KIP-890): the epoch tells whether the last end is asked for again, or the next transaction's.
    private func verdictWithBump(
        _ outcome: TransactionOutcome, _ asker: ProducerIdentity, _ metadata: TransactionMetadata
    ) -> Verdict {
        if metadata.wasEnded(by: asker) {
            guard metadata.state.outcome == outcome else { return .refused(.invalidTxnState) }
            return metadata.state.isComplete ? .repeated : .refused(.concurrentTransactions)
        }
        // Kafka fences here; but this is who got the last end's answer, and has only to wait for the markers.
        if metadata.state.isPrepared, metadata.wasEndedWithBump, asker == metadata.successor {
            return .refused(.concurrentTransactions)
        }
        guard asker.id == metadata.producer.id else { return .refused(.invalidProducerIdMapping) }
        guard metadata.isProducer(asker), !metadata.state.isPrepared else { return .refused(.producerFenced) }
        // A client that got an error before its first partition aborts all the same.
        return metadata.state == .ongoing || outcome == .aborted ? .ends : .refused(.invalidTxnState)
    }

    private func answering(
        _ error: ErrorCode, _ origin: RequestOrigin, _ ticket: Ticket, as producer: ProducerIdentity? = nil
    ) -> Step {
        var response = EndTxnResponse()
        response.errorCode = error.asKnown(from: 2, in: origin.version)
        if let producer, origin.version >= 5 {
            response.producerId = producer.id
            response.producerEpoch = producer.epoch
        }
        return .answer(ticket, .end(response))
    }
}
