import Foundation
import Logging
import NIOCore
import RecordBatch
import Synchronization
import Testing
import WeirIO
import WeirRuntime

@testable import SegmentLog

@Suite("A log on this machine's disk")
struct RealDiskTests {
    /// A provider on a temporary folder, two loops and real threads.
    private final class Node {
        let directory: String
        let disk = SystemDisk()
        let clock = SystemClock()
        let loops: EventLoops
        let provider: LocalLogProvider
        let identity = LogIdentity(topicID: TopicID(high: 3, low: 4), topic: "real", partition: 0)

        init(in directory: String) {
            self.directory = directory
            loops = EventLoops(count: 1, clock: clock)
            provider = LocalLogProvider(
                directory: directory, disk: disk, clock: clock, nodeID: 1,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let directory = NSTemporaryDirectory() + "weir-log-\(UUID().uuidString)"
        do { try await body(directory) } catch {
            try? FileManager.default.removeItem(atPath: directory)
            throw error
        }
        try FileManager.default.removeItem(atPath: directory)
    }

    private func append(_ batch: ByteBuffer, to log: any ReplicatedLog) async throws -> Int64 {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Int64, any Error>) in
            log.loop.execute {
                let base = Slot<Int64>()
                do throws(LogError) {
                    base.value = try log.append(batch, until: .committed) { result in
                        continuation.resume(with: result.map { base.value ?? -1 }.mapError { $0 as any Error })
                    }.baseOffset
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    private func read(_ log: any ReplicatedLog, from offset: Int64) async throws -> ByteBuffer {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<ByteBuffer, any Error>) in
            log.loop.execute {
                log.read(from: offset, sizeBytesMax: 1 << 20, bound: .highWatermark) { result in
                    continuation.resume(with: result.map(\.records).mapError { $0 as any Error })
                }
            }
        }
    }

    private func close(_ log: any ReplicatedLog) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            log.loop.execute { log.close { continuation.resume(with: $0.mapError { $0 as any Error }) } }
        }
    }

    @Test("appends, commits, reads and opens again", arguments: [true, false])
    func appendsAndOpens(isClosed: Bool) async throws {
        try await withFolder { directory in
            let node = Node(in: directory)
            let log = try await node.provider.create(node.identity, settings: LogSettings(), on: node.loops.loops[0])
            for index in 0..<50 {
                #expect(try await append(makeBatch(["a\(index)", "b\(index)"]), to: log) == Int64(index * 2))
            }
            if isClosed { try await close(log) }
            let next = Node(in: directory)
            #expect(try await next.provider.list() == [node.identity])
            let again = try await next.provider.open(node.identity, settings: LogSettings(), on: next.loops.loops[0])
            #expect(try await values(read(again, from: 98)) == ["a49", "b49"])
            #expect(try await append(makeBatch(["c"]), to: again) == 100)
            try await close(again)
            try await node.loops.shutdown()
            try await next.loops.shutdown()
        }
    }
}
