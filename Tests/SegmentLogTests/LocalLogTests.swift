import NIOCore
import RecordBatch
import SegmentLog
import Testing
import WeirSimulation

@Suite("A local log")
struct LocalLogTests {
    @Test("gives dense offsets from 0, and returns what was appended")
    func appendsAndReads() throws {
        let bench = LogBench()
        let log = try bench.create()
        #expect(try bench.append(makeBatch(["a", "b"]), to: log) == AppendReceipt(baseOffset: 0, lastOffset: 1))
        #expect(try bench.append(makeBatch(["c"]), to: log) == AppendReceipt(baseOffset: 2, lastOffset: 2))
        #expect(try bench.readAll(log) == ["a", "b", "c"])
        #expect(bench.loop.perform { log.highWatermark } == 3)
    }

    @Test("keeps everything over a close, a kill and a power cut", arguments: [0, 1, 2])
    func keepsOverRestart(kind: Int) throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(makeBatch(["a", "b"]), to: log)
        try bench.append(makeBatch(["c"]), to: log)
        switch kind {
        case 0:
            try bench.close(log)
            bench.restart()
        case 1: bench.restart(after: .kill)
        default: bench.restart(after: .powerCut)
        }
        let provider = bench.provider
        #expect(try bench.wait { try await provider.list() } == [LogBench.identity])
        let again = try bench.open()
        #expect(bench.loop.perform { again.highWatermark } == 3)
        #expect(try bench.readAll(again) == ["a", "b", "c"])
        #expect(try bench.append(makeBatch(["d"]), to: again).baseOffset == 3)
        #expect(try bench.readAll(again) == ["a", "b", "c", "d"])
    }

    @Test("commits only what was synced, and answers in the order of the offsets")
    func commitsAfterSync() throws {
        let bench = LogBench()
        let log = try bench.create()
        let order = Slot<[Int]>()
        order.value = []
        try bench.loop.perform {
            for index in 0..<3 {
                _ = try log.append(makeBatch(["\(index)"]), until: .committed) { _ in order.value?.append(index) }
            }
            _ = try log.append(makeBatch(["w"]), until: .written) { _ in
                #expect(log.highWatermark == 0)
                order.value?.append(100)
            }
            #expect(log.logEndOffset == 4)
        }
        bench.simulator.run(within: .seconds(10)) { order.value?.count == 4 }
        #expect(order.value == [100, 0, 1, 2])
    }

    @Test("returns the batch that holds the offset whole, and at least one")
    func readsWholeBatches() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(makeBatch(["a", "b", "c"]), to: log)
        try bench.append(makeBatch(["d"]), to: log)
        #expect(try values(bench.read(log, from: 1, sizeBytesMax: 1).records) == ["a", "b", "c"])
        #expect(try values(bench.read(log, from: 3, sizeBytesMax: 1).records) == ["d"])
        #expect(try bench.read(log, from: 4).records.readableBytes == 0)
        #expect(try bench.read(log, from: 0, sizeBytesMax: 0).records.readableBytes == 0)
        #expect(throws: LogError.self) { try bench.read(log, from: 5) }
    }
}
