import Testing
import WeirRuntime
import WeirSimulation

@testable import Reconciling

/// The same rules without any cleverness: a list that is searched from the beginning.
private struct NaiveQueue {
    struct Queued {
        var key: Int
        var priority: QueuePriority
        var readyAt: MonotonicTime
        var sequence: Int
    }

    var queued: [Queued] = []
    var processing: Set<Int> = []
    var failures: [Int: Int] = [:]
    var sequence = 0

    mutating func add(_ key: Int, _ priority: QueuePriority, _ readyAt: MonotonicTime) {
        sequence += 1
        guard let index = queued.firstIndex(where: { $0.key == key }) else {
            return queued.append(Queued(key: key, priority: priority, readyAt: readyAt, sequence: sequence))
        }
        queued[index].priority = max(queued[index].priority, priority)
        queued[index].readyAt = min(queued[index].readyAt, readyAt)
    }

    mutating func addAfterFailure(_ key: Int, _ priority: QueuePriority, _ now: MonotonicTime) {
        failures[key, default: 0] += 1
        var delay = Duration.milliseconds(5)
        for _ in 1..<failures[key, default: 1] { delay = min(delay * 2, .seconds(1_000)) }
        add(key, priority, now + delay)
    }

    mutating func next(_ now: MonotonicTime) -> (key: Int, priority: QueuePriority, attempt: Int)? {
        let ready = queued.filter { $0.readyAt <= now && !processing.contains($0.key) }
        let first = ready.min {
            if $0.priority != $1.priority { return $0.priority > $1.priority }
            return ($0.readyAt, $0.sequence) < ($1.readyAt, $1.sequence)
        }
        guard let first else { return nil }
        queued.removeAll { $0.key == first.key }
        processing.insert(first.key)
        return (first.key, first.priority, failures[first.key, default: 0] + 1)
    }

    var known: Int { Set(queued.map(\.key)).union(processing).union(failures.keys).count }
}

@Suite("The work queue against a naive one")
struct WorkQueueModelTests {
    @Test("random additions, failures and ends agree with a list that is searched", arguments: 0..<40)
    func agreement(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var queue = WorkQueue<Int>()
        var model = NaiveQueue()
        var now = MonotonicTime(nanoseconds: 0)
        let keyCount = UInt64(1) << (seed % 7)
        for step in 0..<2_000 {
            let key = Int(random.next() % keyCount)
            let priority = QueuePriority(Int32(random.next() % 3) - 1)
            guard random.next() % 500 != 0 else {
                #expect(queue.removeQueued() == model.queued.count, "seed \(seed), step \(step)")
                model.queued = []
                model.failures = [:]
                continue
            }
            switch random.next() % 10 {
            case 0, 1:
                queue.add(key, priority: priority, at: now)
                model.add(key, priority, now)
            case 2:
                let delay = Duration.milliseconds(Int(random.next() % 30))
                queue.add(key, priority: priority, at: now, after: delay)
                model.add(key, priority, now + delay)
            case 3:
                queue.addAfterFailure(key, priority: priority, at: now)
                model.addAfterFailure(key, priority, now)
            case 4:
                queue.forget(key)
                model.failures[key] = nil
            case 5:
                now = now + .milliseconds(Int(random.next() % 40))
            case 6, 7:
                guard let ended = model.processing.sorted().randomElement(using: &random) else { continue }
                queue.done(ended)
                model.processing.remove(ended)
            default:
                let item = queue.next(at: now)
                let expected = model.next(now)
                #expect(item?.key == expected?.key, "seed \(seed), step \(step)")
                #expect(item?.priority == expected?.priority, "seed \(seed), step \(step)")
                #expect(item?.attempt == expected?.attempt, "seed \(seed), step \(step)")
                guard item?.key == expected?.key else { return }
            }
            #expect(queue.keyCount == model.known, "seed \(seed), step \(step)")
            #expect(queue.processingCount == model.processing.count, "seed \(seed), step \(step)")
            #expect(queue.readyCount + queue.delayedCount == model.queued.count, "seed \(seed), step \(step)")
        }
    }
}
