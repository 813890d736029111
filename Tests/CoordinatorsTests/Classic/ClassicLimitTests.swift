import KafkaWire
import NIOCore
import Testing

@testable import Coordinators

@Suite("What a client may ask of a classic group")
struct ClassicLimitTests {
    private static let origin = RequestOrigin(version: 9, clientID: "c", clientHost: "/127.0.0.1")

    private static func join(_ member: String = "", instance: String? = nil) -> JoinGroupRequest {
        var request = JoinGroupRequest()
        request.groupId = "g"
        request.memberId = member
        request.groupInstanceId = instance
        request.sessionTimeoutMs = 10_000
        request.rebalanceTimeoutMs = 60_000
        request.protocolType = "consumer"
        var range = JoinGroupRequest.JoinGroupRequestProtocol()
        range.name = "range"
        request.protocols = [range]
        return request
    }

    /// A member joins, and the delay of an empty group goes by.
    private static func joined(
        _ request: JoinGroupRequest, freshID: String, _ world: inout GroupWorld
    ) throws -> JoinGroupResponse? {
        let ticket = world.step(.join(request, origin, memberID: freshID))
        world.pass(milliseconds: 1)
        guard case .join(let response)? = try world.commit().first(where: { $0.ticket == ticket })?.response
        else { return nil }
        return response
    }

    @Test("a member whose id would not fit into a record is not let in, with a member that could have it recorded")
    func longID() throws {
        var settings = GroupSettings()
        settings.initialRebalanceDelayMilliseconds = 0
        var world = GroupWorld(settings: settings)
        let name = String(repeating: "x", count: 32_760)
        let refused = try Self.joined(
            Self.join(instance: name), freshID: "\(name)-00000000-0000-0000-0000-000000000000", &world)
        #expect(refused?.errorCode == .invalidRequest)
        let joined = try #require(try Self.joined(Self.join(instance: "i"), freshID: "i-1", &world))
        #expect(joined.errorCode == .none)
        #expect(joined.members.map(\.memberId) == ["i-1"])
    }

    @Test("an assignment that no record holds is refused to all who wait for it, and the group begins again")
    func largeAssignment() throws {
        var settings = GroupSettings()
        settings.initialRebalanceDelayMilliseconds = 0
        var world = GroupWorld(settings: settings)
        let joined = try #require(try Self.joined(Self.join(instance: "i"), freshID: "i-1", &world))
        var assignment = SyncGroupRequest.SyncGroupRequestAssignment()
        assignment.memberId = "i-1"
        assignment.assignment = ByteBuffer(repeating: 7, count: GroupRecords.sizeBytesMax)
        var request = SyncGroupRequest()
        request.groupId = "g"
        request.memberId = "i-1"
        request.groupInstanceId = "i"
        request.generationId = joined.generationId
        request.assignments = [assignment]
        #expect(try world.ask(.sync(request, Self.origin)) == .sync(.failure(.unknownServerError)))
        #expect(world.log.isEmpty)
        // The member may come again, and do better.
        let again = try #require(try Self.joined(Self.join("i-1", instance: "i"), freshID: "i-2", &world))
        #expect(again.generationId == joined.generationId + 1)
        request.generationId = again.generationId
        request.assignments[0].assignment = ByteBuffer(string: "small")
        var expected = SyncGroupResponse()
        expected.protocolType = "consumer"
        expected.protocolName = "range"
        expected.assignment = ByteBuffer(string: "small")
        #expect(try world.ask(.sync(request, Self.origin)) == .sync(expected))
    }
}
