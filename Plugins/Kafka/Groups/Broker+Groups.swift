import Coordinators
import KafkaWire
import WeirRuntime

/// How a request about one group gets to its coordinator and back.
extension Broker {
    /// Asks the coordinator of `group`, and answers the request with what it says.
    ///
    /// - Parameters:
    ///   - answer: The response that the coordinator's answer holds; nil: it is one to another question.
    ///   - refusal: The response where the coordinator does not answer.
    func askGroup<Response: KafkaResponse>(
        _: Response.Type, _ group: String, _ request: GroupRequest,
        _ admission: Coordinator<GroupCoordinator>.Admission,
        _ context: RequestContext, _ reply: Reply,
        answer: @escaping (GroupResponse) -> Response?, refusal: @escaping (ErrorCode) -> Response
    ) -> RequestFlow {
        coordinators.groups.ask(group, request, admission, home: context.loop) { [self] result in
            switch result {
            case .success(let answered):
                guard let response = answer(answered) else { preconditionFailure("\(answered) answers \(request)") }
                send(response, context, reply)
            case .failure(let refused):
                probe.requestFailed(context.api, refused.code)
                send(refusal(refused.code), context, reply)
            }
        }
        return .pipelined
    }

    /// Asks the coordinators of several groups, and answers with all that they say, in order.
    func askGroups<Answer>(
        _: Answer.Type, _ questions: [(group: String, request: GroupRequest)],
        _ admission: Coordinator<GroupCoordinator>.Admission, _ context: RequestContext,
        answer: @escaping (GroupResponse) -> Answer?, refusal: @escaping (String, ErrorCode) -> Answer,
        then: @escaping ([Answer]) -> Void
    ) -> RequestFlow {
        let groups = coordinators.groups
        groups.askAll(
            questions.map { (groups.shard(of: $0.group), $0.request) }, admission, home: context.loop
        ) { results in
            then(
                zip(questions, results).map { question, result in
                    switch result {
                    case .success(let answered):
                        guard let answer = answer(answered) else {
                            preconditionFailure("\(answered) answers \(question.request)")
                        }
                        return answer
                    case .failure(let refused): return refusal(question.group, refused.code)
                    }
                })
        }
        return .pipelined
    }

    /// Who sent a request, as coordinators want to know it.
    func origin(_ context: RequestContext, _ reply: Reply) -> RequestOrigin {
        RequestOrigin(
            version: context.version, clientID: context.clientID ?? "", clientHost: reply.connection.clientHost)
    }

    /// A name for a member that has none: what it calls itself, and a random part.
    func freshMemberID(_ prefix: String) -> String { "\(prefix)-\(RandomUUID(randomBits).description)" }
}

/// A UUID of version 4 as Java writes it: 36 characters.
struct RandomUUID: CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64

    init(_ randomBits: () -> UInt64) {
        high = randomBits() & ~0xf000 | 0x4000
        low = randomBits() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
    }

    /// The same bits as Kafka's own ids are written.
    var wire: WireUUID { WireUUID(high: high, low: low) }

    var description: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for index in 0..<32 {
            if [8, 12, 16, 20].contains(index) { text.append(UInt8(ascii: "-")) }
            let half = index < 16 ? high : low
            text.append(digits[Int(half >> UInt64(60 - 4 * (index & 15)) & 0xf)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
