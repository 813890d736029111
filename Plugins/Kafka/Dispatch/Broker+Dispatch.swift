import KafkaWire
import Logging
import NIOCore
import WeirRuntime
import WorkTracking

/// Why a frame is not served, and the connection closes.
enum RequestError: Error, CustomStringConvertible {
    /// The API or the version is not served, and no answer in that version is known.
    case unsupported(ApiKey, version: Int16)
    /// The frame is not what its header says.
    case malformed(ApiKey, version: Int16, reason: any Error)
    /// The header itself cannot be read.
    case badHeader(any Error)

    var description: String {
        switch self {
        case .unsupported(let key, let version): "\(key.name) version \(version) is not served"
        case .malformed(let key, let version, let reason): "a \(key.name) request of version \(version): \(reason)"
        case .badHeader(let reason): "a request header: \(reason)"
        }
    }
}

extension Broker: RequestServing {
    func connectionOpened(_ connection: ConnectionHandler) -> Session? { add(connection) }

    func connectionClosed(_ connection: ConnectionHandler) { remove(connection) }

    /// Begins the request that a frame holds.
    func serve(_ frame: ByteBuffer, _ reply: Reply) throws -> RequestFlow {
        var body = frame
        let header: RequestHeader
        do { header = try RequestHeader.read(from: &body) } catch { throw RequestError.badHeader(error) }
        let context = RequestContext(
            api: header.requestApiKey, version: header.requestApiVersion, correlationID: header.correlationId,
            clientID: header.clientId, peer: reply.connection.peer, endpoint: reply.connection.endpoint,
            loop: reply.connection.loop)
        probe.requestBegan(context.api)
        guard let entry = ApiTable.standard[context.api], entry.versions.contains(context.version) else {
            return try refuseVersion(body, context, reply)
        }
        do {
            return try entry.serve(self, &body, context, reply)
        } catch let error as WireError {
            throw RequestError.malformed(context.api, version: context.version, reason: error)
        }
    }

    /// Counts work at the component's own gate; while it drains the connection closes instead.
    func counted(_ context: RequestContext, _ reply: Reply, _ body: () throws -> Void) throws {
        guard let gate, let permit = try? gate.enter(.read) else {
            return reply.close(because: "the broker drains")
        }
        try body()
        permit.end()
    }

    /// Answers by a task, counted until it is done.
    ///
    /// - Parameter refusal: The answer where the gate refuses; nil: the connection closes.
    func answerLater<Response: KafkaResponse>(
        _ context: RequestContext, _ reply: Reply, access: Access = .write, refusal: Response? = nil,
        _ answer: @escaping @Sendable () async -> Response
    ) {
        guard let gate else { return reply.close(because: "the broker is not ready") }
        // A simulated loop runs tasks too, in its seeded order; a real one has better things to do.
        Task(executorPreference: context.loop as? any TaskExecutor) {
            let response =
                (try? await gate.track("request", key: context.api.name, access: access) { await answer() }) ?? refusal
            context.loop.execute { [self] in
                guard let response else { return reply.close(because: "the broker takes no such work now") }
                send(response, context, reply)
            }
        }
    }

    /// Encodes a response and completes the request with it. On the connection's loop.
    func send(_ response: some KafkaResponse, _ context: RequestContext, _ reply: Reply, sizeHint: Int = 256) {
        send(response, context, reply, version: context.version, sizeHint: sizeHint)
    }

    func send(
        _ response: some KafkaResponse, _ context: RequestContext, _ reply: Reply, version: Int16, sizeHint: Int = 256
    ) {
        do {
            reply.send(try encode(response, context, version: version, sizeHint: sizeHint))
        } catch {
            // A field that the version has no place for: a mistake here, not the client's.
            logger.error("a response cannot be encoded: \(error)", metadata: ["api": "\(context.api)"])
            reply.close(because: "\(context.api) \(context.version) cannot be answered: \(error)")
        }
    }

    private func encode<Response: KafkaResponse>(
        _ response: Response, _ context: RequestContext, version: Int16, sizeHint: Int
    ) throws(WireError) -> ByteBuffer {
        var frame = ByteBufferAllocator().buffer(capacity: sizeHint)
        frame.writeInteger(Int32(0))
        try ResponseHeader(correlationId: context.correlationID).write(to: &frame, api: context.api, version: version)
        try response.write(to: &frame, version: version)
        guard let sizeBytes = Int32(exactly: frame.readableBytes - 4) else {
            throw WireError(.tooLong, "an answer of \(frame.readableBytes) bytes; int32 counts them")
        }
        frame.setInteger(sizeBytes, at: frame.readerIndex)
        return frame
    }
}
