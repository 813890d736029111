package import KafkaWire

extension TransactionCoordinator {
    /// A producer begins, or begins anew after an error (KIP-360): it gets an identity that fences all before it.
    mutating func initProducer(
        _ request: InitProducerIdRequest, _ origin: RequestOrigin, freshID: Int64, _ ticket: Ticket,
        at time: CoordinatorTime
    ) -> Step {
        if let error = invalidity(of: request) { return refusing(error, origin, ticket) }
        let id = request.transactionalId ?? ""
        guard entries[id] != nil || entries.count < settings.idsMax else {
            return refusing(.policyViolation, origin, ticket)
        }
        let new = TransactionMetadata(
            producer: ProducerIdentity(id: freshID, epoch: -1), timeoutMilliseconds: request.transactionTimeoutMs,
            state: .empty, updateMilliseconds: time.wallMilliseconds)
        let known = entries[id] ?? Entry(metadata: new)
        let metadata = known.metadata
        guard metadata.producer.epoch == -1 || request.expected.map({ known.mayBegin($0) }) ?? true else {
            return refusing(.producerFenced, origin, ticket)
        }
        if metadata.state.isPrepared { return refusing(.concurrentTransactions, origin, ticket) }
        if metadata.state == .ongoing {
            // The client comes back, and gets its epoch when the markers are written.
            var step = refusing(.concurrentTransactions, origin, ticket)
            fence(id, at: time, in: &step)
            return step
        }
        let (identity, lastEpoch) = nextIdentity(after: known, expected: request.expected, freshID: freshID)
        var step = Step()
        write(
            metadata.initialized(
                as: identity, timeoutMilliseconds: request.transactionTimeoutMs, at: time.wallMilliseconds),
            of: id, lastEpoch: lastEpoch, in: &step)
        var response = InitProducerIdResponse()
        response.producerId = identity.id
        response.producerEpoch = identity.epoch
        step.responses.append((ticket, .initProducer(response)))
        return step
    }

    /// Aborts an open transaction under an epoch that its producer does not have.
    mutating func fence(_ id: String, at time: CoordinatorTime, in step: inout Step) {
        guard let metadata = entries[id]?.metadata else { return }
        write(metadata.fenced(at: time.wallMilliseconds), of: id, lastEpoch: -1, in: &step)
        finish(id, at: time, in: &step)
    }

    /// Who the producer is from now on, and the epoch with which it may ask again.
    private func nextIdentity(
        after known: Entry, expected: ProducerIdentity?, freshID: Int64
    ) -> (ProducerIdentity, lastEpoch: Int16) {
        let producer = known.metadata.producer
        if producer.epoch == -1 { return (ProducerIdentity(id: producer.id, epoch: 0), -1) }
        if let expected, expected != producer {
            // The answer to the same request got lost: nobody else has asked since, for that would have cleared
            // `lastEpoch`.
            return (producer, known.lastEpoch)
        }
        let lastEpoch = expected?.epoch ?? -1
        if known.metadata.isEpochExhausted { return (ProducerIdentity(id: freshID, epoch: 0), lastEpoch) }
        return (ProducerIdentity(id: producer.id, epoch: producer.epoch + 1), lastEpoch)
    }

    private func invalidity(of request: InitProducerIdRequest) -> ErrorCode? {
        guard let id = request.transactionalId, !id.isEmpty, id.utf8.count <= TransactionMetadata.idBytesMax,
            (request.producerId == -1) == (request.producerEpoch == -1)
        else { return .invalidRequest }
        // Two-phase commit by the client (KIP-939) is off in Kafka too, and is refused so.
        if request.enable2Pc { return .transactionalIdAuthorizationFailed }
        if request.keepPreparedTxn { return .unsupportedVersion }
        guard (1...max(1, settings.timeoutMillisecondsMax)).contains(request.transactionTimeoutMs) else {
            return .invalidTransactionTimeout
        }
        return nil
    }

    private func refusing(_ error: ErrorCode, _ origin: RequestOrigin, _ ticket: Ticket) -> Step {
        var response = InitProducerIdResponse()
        response.errorCode = error.asKnown(from: 4, in: origin.version)
        response.producerEpoch = -1
        return .answer(ticket, .initProducer(response))
    }
}

extension TransactionCoordinator.Entry {
    /// Whether who was `expected` may go on with this id: it is its producer, or was until its own last request.
    fileprivate func mayBegin(_ expected: ProducerIdentity) -> Bool {
        if metadata.isProducer(expected) { return true }
        if metadata.state.isPrepared { return expected == metadata.successor || isBeforeLast(expected) }
        return metadata.state != .ongoing && isBeforeLast(expected)
    }

    private func isBeforeLast(_ expected: ProducerIdentity) -> Bool {
        guard expected.epoch == lastEpoch else { return false }
        if expected.id == metadata.producer.id { return true }
        return expected.id == metadata.previousProducerID && expected.epoch >= ProducerIdentity.lastEpoch
    }
}

extension InitProducerIdRequest {
    /// Who the producer says it is; nil: it begins.
    fileprivate var expected: ProducerIdentity? {
        producerId == -1 ? nil : ProducerIdentity(id: producerId, epoch: producerEpoch)
    }
}

extension ErrorCode {
    /// PRODUCER_FENCED, as clients before `version` of an API know it (KIP-588).
    package func asKnown(from version: Int16, in requestVersion: Int16) -> ErrorCode {
        self == .producerFenced && requestVersion < version ? .invalidProducerEpoch : self
    }
}
