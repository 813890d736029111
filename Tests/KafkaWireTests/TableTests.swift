import KafkaWire
import NIOCore
import Testing
import WeirSimulation

@Suite("Keys, codes and ids")
struct TableTests {
    @Test(
        "headers go by API and version",
        arguments: [
            (ApiKey.produce, 8, 1, 0), (.produce, 9, 2, 1), (.fetch, 11, 1, 0), (.fetch, 12, 2, 1),
            (.apiVersions, 2, 1, 0), (.apiVersions, 3, 2, 0), (.apiVersions, 99, 2, 0), (.saslHandshake, 1, 1, 0),
            (.deleteTopics, 3, 1, 0), (.deleteTopics, 4, 2, 1), (.initProducerId, 2, 2, 1),
            (.incrementalAlterConfigs, 0, 1, 0), (.incrementalAlterConfigs, 1, 2, 1), (.txnOffsetCommit, 3, 2, 1),
            (.describeCluster, 0, 2, 1), (ApiKey(rawValue: 999), 3, 1, 0), (.produce, -1, 1, 0),
        ] as [(ApiKey, Int16, Int16, Int16)])
    func headerVersions(api: ApiKey, version: Int16, request: Int16, response: Int16) {
        #expect(api.requestHeaderVersion(for: version) == request)
        #expect(api.responseHeaderVersion(for: version) == response)
    }

    @Test("the table of keys agrees with the messages")
    func keys() {
        #expect(ApiKey.all.count == 63)
        for (type, _) in generatedMessages {
            if let request = type as? any KafkaRequest.Type { checkRequest(request) }
            guard let response = type as? any KafkaResponse.Type else { continue }
            #expect(response.apiKey.validVersions == response.validVersions)
            #expect(response.apiKey.firstFlexibleVersion == response.firstFlexibleVersion)
        }
        #expect(ApiKey.offsetForLeaderEpoch.name == "OffsetForLeaderEpoch")
        #expect(ApiKey(rawValue: 4).name == "Unknown(4)")
        #expect(ApiKey(rawValue: 4).validVersions == nil)
    }

    private func checkRequest<Request: KafkaRequest>(_ type: Request.Type) {
        #expect(type.apiKey == type.Response.apiKey)
        #expect(type.apiKey.validVersions == type.validVersions)
        #expect(type.apiKey.firstFlexibleVersion == type.firstFlexibleVersion)
        #expect("\(type)" == type.apiKey.name + "Request")
    }

    @Test("a request header of a version too new can still be read")
    func futureHeader() throws {
        var buffer = bytes("0012 0063 0000004d 0004 77656972 00 aa")
        let header = try RequestHeader.read(from: &buffer)
        #expect(header.requestApiKey == .apiVersions)
        #expect(header.requestApiVersion == 99)
        #expect(header.correlationId == 77)
        #expect(buffer.readableBytes == 1)
        #expect(throws: WireError.self) {
            var short = bytes("0012 00")
            _ = try RequestHeader.read(from: &short)
        }
    }

    @Test("response headers are written as the API and version have them")
    func responseHeaders() throws {
        for (api, version, expected) in [
            (ApiKey.apiVersions, Int16(3), "00000007"), (.produce, 9, "0000000700"), (.produce, 8, "00000007"),
        ] {
            var buffer = ByteBuffer()
            try ResponseHeader(correlationId: 7).write(to: &buffer, api: api, version: version)
            #expect(hexadecimal(buffer) == expected)
            #expect(try ResponseHeader.read(from: &buffer, api: api, version: version).correlationId == 7)
        }
    }

    @Test("error codes have Kafka's names and its view of what to retry")
    func errorCodes() {
        #expect(ErrorCode.none.rawValue == 0)
        #expect(ErrorCode.unknownServerError.name == "UNKNOWN_SERVER_ERROR")
        #expect(ErrorCode.notLeaderOrFollower.name == "NOT_LEADER_OR_FOLLOWER")
        #expect(ErrorCode(rawValue: 35) == .unsupportedVersion)
        #expect(ErrorCode.unknownTopicId.rawValue == 100)
        #expect(ErrorCode.shareSessionLimitReached.name == "SHARE_SESSION_LIMIT_REACHED")
        #expect(ErrorCode(rawValue: 1_234).name == "UNKNOWN(1234)")
        #expect(ErrorCode(rawValue: .min).name == "UNKNOWN(-32768)")
        #expect(ErrorCode.notLeaderOrFollower.isRetriable)
        #expect(!ErrorCode.messageTooLarge.isRetriable)
    }

    @Test("ids have Kafka's text form and come back from it")
    func uuids() throws {
        // The ids that Kafka reserves, as its documentation spells them.
        #expect(WireUUID.zero.description == "AAAAAAAAAAAAAAAAAAAAAA")
        #expect(WireUUID(high: 0, low: 1).description == "AAAAAAAAAAAAAAAAAAAAAQ")
        var random = SeededRandom(seed: firstSeed)
        for _ in 0..<200 {
            let id = WireUUID(high: random.next(), low: random.next())
            #expect(WireUUID(id.description) == id)
        }
        for text in ["", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAA+A"] {
            #expect(WireUUID(text) == nil)
        }
    }
}
