import Testing
import WeirRuntime

@testable import Reconciling

@Suite("The work queue")
struct WorkQueueTests {
    private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    @Test("a key that is added twice is handed out once")
    func dedupe() {
        var queue = WorkQueue<String>()
        queue.add("a", at: at(0))
        queue.add("a", at: at(1))
        #expect(queue.readyCount == 1)
        #expect(queue.next(at: at(2))?.key == "a")
        #expect(queue.next(at: at(2)) == nil)
        #expect(queue.addCount == 1)
    }

    @Test("a key that is worked on is not handed out again until it is done, and then once")
    func inProcessing() {
        var queue = WorkQueue<String>()
        queue.add("a", at: at(0))
        _ = queue.next(at: at(0))
        queue.add("a", at: at(1))
        queue.add("a", at: at(2))
        #expect(queue.next(at: at(3)) == nil)
        #expect(queue.readyCount == 1)
        queue.done("a")
        #expect(queue.next(at: at(4))?.key == "a")
        queue.done("a")
        #expect(queue.next(at: at(5)) == nil)
        #expect(queue.keyCount == 0)
    }

    @Test("keys of one priority come in the order in which they were added")
    func firstInFirstOut() {
        var queue = WorkQueue<Int>()
        for key in 0..<100 { queue.add(key, at: at(7)) }
        #expect((0..<100).map { _ in queue.next(at: at(8))?.key } == Array(0..<100))
    }

    @Test("a higher priority overtakes, and a key that is added again takes the higher one")
    func priorities() {
        var queue = WorkQueue<String>()
        queue.add("old", priority: .low, at: at(0))
        queue.add("older", priority: .low, at: at(0))
        queue.add("change", at: at(1))
        queue.add("older", priority: QueuePriority(5), at: at(2))
        queue.add("older", priority: .low, at: at(2))
        #expect(queue.readyCountByPriority == [.low: 1, .normal: 1, QueuePriority(5): 1])
        #expect((0..<3).map { _ in queue.next(at: at(3))?.key } == ["older", "change", "old"])
    }

    @Test("a delayed key is ready at its time, and a key that is added again takes the earlier time")
    func delays() {
        var queue = WorkQueue<String>()
        queue.add("late", at: at(0), after: .milliseconds(100))
        queue.add("late", at: at(0), after: .milliseconds(200))
        queue.add("soon", at: at(0), after: .milliseconds(50))
        #expect(queue.nextDelayed == at(50))
        #expect(queue.next(at: at(49)) == nil)
        #expect(queue.next(at: at(50))?.key == "soon")
        #expect(queue.next(at: at(99)) == nil)
        let late = queue.next(at: at(130))
        #expect(late?.key == "late")
        #expect(late?.waited == .milliseconds(30))
        queue.add("x", at: at(200), after: .seconds(1))
        queue.add("x", at: at(201))
        #expect(queue.next(at: at(201))?.key == "x")
        #expect(queue.nextDelayed == nil)
    }

    @Test("a key whose time comes while it is worked on waits until it is done")
    func delayedWhileProcessing() {
        var queue = WorkQueue<String>()
        queue.add("a", at: at(0))
        _ = queue.next(at: at(0))
        queue.add("a", at: at(0), after: .milliseconds(10))
        #expect(queue.next(at: at(20)) == nil)
        #expect(queue.readyCount == 1 && queue.delayedCount == 0)
        queue.done("a")
        #expect(queue.next(at: at(20))?.key == "a")
    }

    @Test("failures wait 5 ms, 10 ms, 20 ms and at most 1,000 s, each key for itself, until they are forgotten")
    func backoff() {
        var queue = WorkQueue<String>()
        var now = at(0)
        var delays: [Duration] = []
        queue.add("a", at: now)
        for attempt in 1...25 {
            let item = queue.next(at: now)
            #expect(item?.attempt == attempt)
            queue.addAfterFailure("a", at: now)
            queue.done("a")
            guard let next = queue.nextDelayed else { break }
            delays.append(next - now)
            now = next
        }
        #expect(delays.prefix(4) == [.milliseconds(5), .milliseconds(10), .milliseconds(20), .milliseconds(40)])
        #expect(delays[17] == .microseconds(655_360_000))
        #expect(delays.suffix(7).allSatisfy { $0 == .seconds(1_000) })
        queue.addAfterFailure("b", at: now)
        #expect(queue.nextDelayed == now)
        _ = queue.next(at: now)
        queue.forget("a")
        queue.done("a")
        #expect(queue.nextDelayed == now + .milliseconds(5))
        #expect(queue.keyCount == 1)
    }

    @Test("a queue that is used for ever holds no more than the keys that are queued, worked on or failed")
    func bounded() {
        var queue = WorkQueue<Int>()
        for round in 0..<10_000 {
            let now = at(Int64(round))
            queue.add(round, priority: .low, at: now)
            queue.add(round, priority: .normal, at: now)
            queue.add(round, at: now, after: .seconds(1))
            guard let item = queue.next(at: now) else { continue }
            queue.done(item.key)
        }
        #expect(queue.keyCount == 0)
        #expect(queue.delayedCount == 0)
    }

    @Test("a back-off of any base and any count of failures neither overflows nor passes its limit")
    func backoffBounds() {
        for base in [Duration.nanoseconds(1), .milliseconds(5), .seconds(100_000_000)] {
            let backoff = Backoff(base: base, max: .seconds(1_000_000_000))
            var last = Duration.zero
            for count in [0, 1, 2, 3, 10, 30, 31, 32, 33, 61, 62, 63, 64, 65, 1_000, .max] {
                let delay = backoff.delay(afterFailures: count)
                #expect(delay >= last && delay <= backoff.delayMax)
                last = delay
            }
            #expect(last == backoff.delayMax)
        }
    }
}
