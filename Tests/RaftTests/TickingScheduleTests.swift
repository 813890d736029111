import Raft
import Testing
import WeirSimulation

@Suite("a tick schedule")
struct TickingScheduleTests {
    /// The visits of the next `count` ticks: tick (from 1), slot, ticks passed.
    private func visits(_ schedule: inout TickSchedule, ticks count: Int, ticksUntilDue: Int) -> [[Int]] {
        var visits: [[Int]] = []
        for tick in 1...count {
            schedule.tick { slot, ticks in
                visits.append([tick, slot, ticks])
                return ticksUntilDue
            }
        }
        return visits
    }

    @Test("visits a slot at the tick it is due, with all ticks since the last visit")
    func visitsWhenDue() {
        var schedule = TickSchedule()
        let first = schedule.add(ticksUntilDue: 3)
        let second = schedule.add(ticksUntilDue: 1)
        #expect(
            visits(&schedule, ticks: 5, ticksUntilDue: 2)
                == [[1, second, 1], [3, first, 3], [3, second, 2], [5, first, 2], [5, second, 2]])
    }

    @Test("gives the ticks that passed once, and counts the next due tick from there")
    func catchesUp() {
        var schedule = TickSchedule()
        let slot = schedule.add(ticksUntilDue: 5)
        #expect(visits(&schedule, ticks: 3, ticksUntilDue: 1) == [])
        #expect(schedule.catchUp(slot) == 3)
        #expect(schedule.catchUp(slot) == 0)
        schedule.reschedule(slot, ticksUntilDue: 4)
        #expect(visits(&schedule, ticks: 4, ticksUntilDue: 9) == [[4, slot, 4]])
    }

    @Test("never visits a slot that has nothing to do, nor one that was given back")
    func neverDue() {
        var schedule = TickSchedule()
        let quiet = schedule.add(ticksUntilDue: .max)
        let removed = schedule.add(ticksUntilDue: 2)
        schedule.remove(removed)
        #expect(schedule.count == 1)
        #expect(visits(&schedule, ticks: 1_000, ticksUntilDue: 1) == [])
        #expect(schedule.catchUp(quiet) == 1_000)
        let again = schedule.add(ticksUntilDue: 1)
        #expect(again == removed)
        #expect(schedule.catchUp(again) == 0)
    }

    @Test("visits ascending slots, over block borders")
    func manySlots() {
        var schedule = TickSchedule()
        let slots = (0..<200).map { _ in schedule.add(ticksUntilDue: 1) }
        #expect(slots == Array(0..<200))
        for slot in slots where slot % 3 != 0 { schedule.remove(slot) }
        #expect(
            visits(&schedule, ticks: 1, ticksUntilDue: 1)
                == stride(from: 0, to: 200, by: 3).map { [1, $0, 1] })
    }

    @Test("goes on where its count of ticks wraps around")
    func wraps() {
        var schedule = TickSchedule(startingAt: .max - 2)
        let slot = schedule.add(ticksUntilDue: 6)
        let often = schedule.add(ticksUntilDue: 2)
        #expect(
            visits(&schedule, ticks: 7, ticksUntilDue: 2)
                == [[2, often, 2], [4, often, 2], [6, slot, 6], [6, often, 2]])
        #expect(schedule.catchUp(slot) == 1)
    }

    @Test("agrees with a plain list of due ticks, whatever is done", arguments: 0..<20 as Range<UInt64>)
    func plainList(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var schedule = TickSchedule(startingAt: UInt32(truncatingIfNeeded: random.next()))
        var plain: [Int: (told: Int, due: Int)] = [:]
        var now = 0
        for turn in 0..<2_000 {
            let comment: Comment = "seed \(seed), turn \(turn)"
            let known = plain.keys.sorted().randomElement(using: &random)
            switch random.integer(0...5) {
            case 0:
                let due = random.integer(1...40)
                let slot = schedule.add(ticksUntilDue: due)
                #expect(plain[slot] == nil, comment)
                plain[slot] = (now, now + due)
            case 1 where plain.count > 50:
                schedule.remove(known!)
                plain[known!] = nil
            case 2 where known != nil:
                let ticks = schedule.catchUp(known!)
                #expect(ticks == now - plain[known!]!.told, comment)
                let due = random.integer(1...40)
                schedule.reschedule(known!, ticksUntilDue: due)
                plain[known!] = (now, now + due)
            default:
                now += 1
                var expected = plain.filter { $0.value.due == now }.map { [$0.key, now - $0.value.told] }
                expected.sort { $0[0] < $1[0] }
                var found: [[Int]] = []
                schedule.tick { slot, ticks in
                    found.append([slot, ticks])
                    let due = random.integer(1...40)
                    plain[slot] = (now, now + due)
                    return due
                }
                #expect(found == expected, comment)
            }
        }
        #expect(schedule.count == plain.count)
    }
}
