import Testing
import WeirSimulation

@testable import Raft

@Suite("The window of unanswered messages")
struct InflightsTests {
    @Test("it frees in order and is full by count or by bytes, as a plain list would", arguments: 0..<100)
    func againstList(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let countMax = Int.random(in: 1...9, using: &random)
        let bytesMax = Bool.random(using: &random) ? Int.random(in: 1...40, using: &random) : 0
        var inflights = Inflights(countMax: countMax, byteCountMax: bytesMax)
        var list: [(last: LogIndex, bytes: Int)] = []
        var last: LogIndex = 0
        for _ in 0..<300 {
            let isFull = list.count == countMax || (bytesMax > 0 && list.reduce(0) { $0 + $1.bytes } >= bytesMax)
            #expect(inflights.isFull == isFull, "seed \(seed)")
            #expect(inflights.count == list.count, "seed \(seed)")
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                inflights.reset()
                list = []
            case 1:
                inflights.shrink()
            case 2..<9:
                let index = LogIndex(UInt64.random(in: 0...(last.value + 1), using: &random))
                inflights.free(upTo: index)
                list.removeAll { $0.last <= index }
            default:
                if isFull { continue }
                last = last + Int.random(in: 1...4, using: &random)
                let bytes = Int.random(in: 0...12, using: &random)
                inflights.add(last: last, byteCount: bytes)
                list.append((last, bytes))
            }
        }
    }
}
