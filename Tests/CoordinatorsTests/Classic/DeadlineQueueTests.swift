import Testing
import WeirRuntime
import WeirSimulation

@testable import Coordinators

@Suite("The deadlines of many keys")
struct DeadlineQueueTests {
    @Test("keys come up as a sorted list would have them", arguments: [UInt64](1...20))
    func agreesWithList(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var queue = DeadlineQueue<Int>()
        var list: [Int: Int64] = [:]
        var now: Int64 = 0
        for _ in 0..<2_000 {
            let key = Int.random(in: 0..<40, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let time = now + Int64.random(in: 0..<100, using: &random)
                queue.set(key, to: MonotonicTime(nanoseconds: time))
                list[key] = time
            case 2:
                queue.cancel(key)
                list[key] = nil
            default:
                now += Int64.random(in: 0..<20, using: &random)
                var due: [Int] = []
                while let key = queue.popDue(at: MonotonicTime(nanoseconds: now)) { due.append(key) }
                let expected = list.filter { $0.value <= now }.keys.sorted()
                #expect(due.sorted() == expected, "seed \(seed)")
                for key in due { list[key] = nil }
            }
            #expect(queue.count == list.count, "seed \(seed)")
            if let earliest = list.values.min() {
                #expect(queue.next.map { $0.nanoseconds <= earliest } ?? false, "seed \(seed)")
            }
        }
    }

    @Test("deadlines that are moved and cancelled leave nothing behind")
    func memory() {
        var queue = DeadlineQueue<Int>()
        for key in 0..<100_000 {
            queue.set(key, to: MonotonicTime(nanoseconds: .max))
            queue.cancel(key)
            queue.set(-1, to: MonotonicTime(nanoseconds: Int64(1_000_000 - key)))
        }
        #expect(queue.count == 1)
        #expect(queue.entryCount <= 2 * queue.count + 65)
    }
}
