import NIOCore
import Testing
import WeirSimulation

@testable import Kafka

@Suite("response order") struct ResponseQueueTests {
    @Test("responses come in the order of requests, whatever the order of completion", arguments: UInt64(1)...100)
    func order(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var queue = ResponseQueue()
        var waiting: [(ticket: ResponseQueue.Ticket, number: Int)] = []
        var out: [Int] = []
        var next = 0
        var held = 0
        for _ in 0..<500 {
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                waiting.append((queue.reserve(bytesHeld: next), next))
                held += next
                next += 1
            case 1 where !waiting.isEmpty:
                let done = waiting.remove(at: Int.random(in: 0..<waiting.count, using: &random))
                let first = queue.complete(done.ticket, with: ByteBuffer(integer: done.number))
                let second = queue.complete(done.ticket, with: ByteBuffer(integer: -1))
                #expect(first && !second)
            default:
                while let completion = queue.next() {
                    out.append(completion.response?.getInteger(at: 0, as: Int.self) ?? -1)
                    held -= completion.bytesHeld
                }
            }
            #expect(queue.bytesHeld == held, "seed \(seed)")
        }
        for rest in waiting { queue.complete(rest.ticket, with: ByteBuffer(integer: rest.number)) }
        while let completion = queue.next() { out.append(completion.response?.getInteger(at: 0, as: Int.self) ?? -1) }
        #expect(out == Array(0..<next), "seed \(seed)")
        #expect(queue.isEmpty && queue.bytesHeld == 0 && queue.responseBytesHeld == 0)
    }

    @Test("a request without a response keeps its place")
    func noResponse() {
        var queue = ResponseQueue()
        let silent = queue.reserve(bytesHeld: 1)
        let other = queue.reserve(bytesHeld: 1)
        queue.complete(other, with: ByteBuffer(string: "b"))
        let early = queue.next()
        queue.complete(silent, with: nil)
        let first = queue.next()
        let second = queue.next()
        #expect(early == nil)
        #expect(first != nil && first?.response == nil)
        #expect(second?.response == ByteBuffer(string: "b"))
        #expect(!queue.isWaiting(silent) && !queue.holds(silent))
    }

    @Test("an answer to a request of a connection that is gone changes nothing")
    func afterTheEnd() {
        var queue = ResponseQueue()
        let ticket = queue.reserve(bytesHeld: 5)
        queue.removeAll()
        let isFirst = queue.complete(ticket, with: ByteBuffer())
        let next = queue.next()
        #expect(!isFirst && next == nil && queue.bytesHeld == 0)
    }
}
