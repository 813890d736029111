import KafkaWire
import Testing

@testable import Coordinators

@Suite("What a group coordinator remembers")
struct ClassicMemoryTests {
    @Test("groups that commit for a minute take no more than when they began")
    func steady() throws {
        var world = GroupWorld()
        let groups = (0..<50).map { "g\($0)" }
        for group in groups { try world.form(group, members: ["a", "b"], session: 1_000_000) }
        let deadlines = world.machine.work.deadlines.count
        for second in 0..<60 {
            for group in groups {
                for member in ["a", "b"] {
                    let offsets = [TopicPartition("t", member == "a" ? 0 : 1): Int64(second)]
                    _ = world.step(Ask.commit(of: group, offsets, member: member, generation: 1))
                    _ = world.step(Ask.heartbeat(group, member: member, generation: 1))
                }
            }
            world.pass(milliseconds: 1_000)
            let answers = try world.commit()
            #expect(answers.count == 200 && answers.allSatisfy { $0.response.code == .none })
        }
        #expect(world.machine.groups.count == 50)
        #expect(world.machine.work.deadlines.count == deadlines)
        #expect(world.machine.work.deadlines.entryCount <= 2 * deadlines + 65)
        #expect(world.machine.offsets.groups.count == 50)
        #expect(try world.ask(Ask.fetch(of: "g7", nil)).offsets.values.sorted() == [59, 59])
    }

    @Test("members and groups that come and go leave nothing behind")
    func churn() throws {
        var world = GroupWorld()
        for number in 0..<2_000 {
            // Clients that ask for an id and never come back, and members that join and leave.
            _ = world.step(Ask.join("probe\(number)", session: 6_000, fresh: "p\(number)"))
            _ = world.step(Ask.join("g", version: 3, fresh: "m\(number)"))
            _ = world.step(Ask.leave("g", members: [("m\(number)", nil)]))
            world.pass(milliseconds: 10)
        }
        _ = try world.commit()
        #expect(world.waiting.isEmpty)
        #expect(world.machine.groups.count <= 602, "those of the last six seconds, and g")
        world.pass(milliseconds: 6_000)
        #expect(world.machine.groups.count <= 1)
        world.pass(milliseconds: 600_000)
        #expect(world.machine.groups.isEmpty)
        #expect(world.machine.work.deadlines.count == 1)
        #expect(world.machine.work.deadlines.entryCount <= 66)
    }
}
