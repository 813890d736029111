import KafkaWire
import NIOCore
import Testing

@Suite("What a version has room for")
struct VersionRuleTests {
    @Test("a value without a place in the version is refused, unless the definition lets it go")
    func fieldsOutsideOfVersion() throws {
        var request = MetadataRequest()
        request.allowAutoTopicCreation = false
        #expect(errorCode { try request.encoded(3) } == .fieldNotInVersion)
        #expect(errorCode { try request.encoded(4) } == nil)

        var response = ProduceResponse()
        response.throttleTimeMs = 5
        var endpoint = ProduceResponse.NodeEndpoint()
        endpoint.host = "b"
        response.nodeEndpoints = [endpoint]
        #expect(errorCode { try response.encoded(9) } == .fieldNotInVersion)
        #expect(try ProduceResponse.decode(try response.encoded(10), version: 10) == response)

        var fetch = FetchRequest()
        fetch.rackId = "r1"
        #expect(try FetchRequest.decode(try fetch.encoded(4), version: 4).rackId == "")
    }

    @Test("null is refused where the version has none")
    func nulls() {
        var request = MetadataRequest()
        request.topics = nil
        #expect(errorCode { try request.encoded(0) } == .unexpectedNull)
        #expect(errorCode { try request.encoded(1) } == nil)
        #expect(errorCode { try MetadataRequest.decode(bytes("00000001 ffff"), version: 0) } == .unexpectedNull)
    }

    @Test("versions out of range are refused both ways", arguments: [Int16.min, -1, 2, 14, .max])
    func versionsOutOfRange(version: Int16) {
        #expect(errorCode { try ProduceRequest().encoded(version) } == .unsupportedVersion)
        #expect(errorCode { try ProduceRequest.decode(ByteBuffer(), version: version) } == .unsupportedVersion)
    }

    @Test("a string longer than 32,767 bytes is refused in both forms", arguments: [3, 9] as [Int16])
    func longStrings(version: Int16) throws {
        var request = ProduceRequest()
        request.transactionalId = String(repeating: "a", count: 32_767)
        #expect(try ProduceRequest.decode(try request.encoded(version), version: version) == request)
        request.transactionalId = String(repeating: "a", count: 32_768)
        #expect(errorCode { try request.encoded(version) } == .tooLong)
    }

    @Test("an unknown tagged field is skipped, a known one has the size it says")
    func taggedFields() throws {
        // No topics, throttle time 0; then tag 9 of three bytes.
        let unknown = try ProduceResponse.decode(bytes("01 00000000 01 09 03 aabbcc"), version: 10)
        #expect(unknown == ProduceResponse())
        // Tag 0, which version 9 does not know.
        #expect(try ProduceResponse.decode(bytes("01 00000000 01 00 01 01"), version: 9) == ProduceResponse())
        #expect(
            errorCode { try ProduceResponse.decode(bytes("01 00000000 01 00 02 01 00"), version: 10) }
                == .invalidTaggedField)
        #expect(errorCode { try ProduceResponse.decode(bytes("01 00000000 01 09 03 aabb"), version: 10) } == .truncated)
        #expect(errorCode { try ProduceResponse.decode(bytes("01 00000000 ffffffff0f"), version: 10) } == .truncated)
    }

    @Test("a tagged field may be long", arguments: [1, 9, 10, 200, 1_300, 1_400, 170_000])
    func longTaggedFields(count: Int) throws {
        var endpoint = ProduceResponse.NodeEndpoint()
        endpoint.host = "twelve.bytes"
        var response = ProduceResponse()
        response.nodeEndpoints = Array(repeating: endpoint, count: count)
        // Something before it, so that positions do not start at zero.
        var buffer = ByteBuffer(string: "before")
        buffer.moveReaderIndex(forwardBy: 3)
        try response.write(to: &buffer, version: 10)
        #expect(buffer.readString(length: 3) == "ore")
        #expect(try ProduceResponse.decode(buffer, version: 10) == response)
    }

    @Test("a variable-length integer has at most 32 bits")
    func varints() {
        #expect(errorCode { try ProduceResponse.decode(bytes("ffffffff1f"), version: 9) } == .invalidVarint)
        #expect(errorCode { try ProduceResponse.decode(bytes("808080808001"), version: 9) } == .invalidVarint)
        #expect(errorCode { try ProduceResponse.decode(bytes("ffffffff"), version: 9) } == .truncated)
    }
}
