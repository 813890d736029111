import Foundation
import KafkaWire
import NIOCore
import NIOPosix
import Synchronization
import Testing
import WeirIO
import WeirRuntime
import WorkTracking

@testable import Kafka

/// A connection to a real node that sends frames and collects what comes back.
private final class Wire: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    let received = Mutex(FrameDecoder(frameSizeBytesMax: .max))
    let closed: AsyncStream<Void>
    private let end: AsyncStream<Void>.Continuation

    init() { (closed, end) = AsyncStream.makeStream() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        received.withLock { $0.append(bytes) }
    }

    func channelInactive(context: ChannelHandlerContext) { end.finish() }

    static func connect(_ node: RealNode) async throws -> (channel: any Channel, wire: Wire) {
        let wire = Wire()
        let endpoint = try node.endpoint
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in channel.pipeline.addHandler(wire) }
            .connect(host: endpoint.host, port: endpoint.port).get()
        return (channel, wire)
    }
}

@Suite("a node that goes down", .serialized) struct ShutdownTests {
    @Test("idle connections and parked fetches are told at once", .timeLimit(.minutes(1)))
    func parked() async throws {
        let wires = Mutex<[Wire]>([])
        let (_, report) = try await RealNode.with { node in
            for result in await node.plugin.broker.topics.create([NewTopic(name: "orders", partitionCount: 4)]) {
                _ = try result.get()
            }
            for number in 0..<120 {
                let (channel, wire) = try await Wire.connect(node)
                wires.withLock { $0.append(wire) }
                guard number < 20 else { continue }
                let request = fetch((Int32(0)..<4).map { ("orders", $0, 0) }, waitMs: 60_000)
                try await channel.writeAndFlush(try SimulatedClient.frame(request, version: 12, correlation: 7))
            }
            // All of them have arrived when their sessions are counted; meanwhile the loops have their turns.
            while true {
                let work = node.runtime.workRegistry.snapshot()
                let parked = (0..<4).allSatisfy { work.component(named: "kafka/orders-\($0)")?.sessions == 20 }
                if parked, work.component(named: "kafka")?.sessions == 120 { break }
                for loop in node.loops.loops { await loop.run {} }
            }
        }
        for wire in wires.withLock({ $0 }) { for await _ in wire.closed {} }
        var answers = 0
        for wire in wires.withLock({ $0 }) {
            guard var frame = try wire.received.withLock({ try $0.next() }) else { continue }
            _ = try ResponseHeader.read(from: &frame, api: .fetch, version: 12)
            #expect(try FetchResponse.decode(frame, version: 12).parts.count == 4)
            answers += 1
        }
        #expect(answers == 20)
        #expect(report.exitCode == 0, "\(report)")
        #expect(report.duration < .seconds(5), "\(report.duration)")
    }

    @Test("with nothing to do it is down in no time", .timeLimit(.minutes(1)))
    func idle() async throws {
        let (_, report) = try await RealNode.with { _ in }
        #expect(report.exitCode == 0)
        #expect(report.duration < .seconds(2), "\(report.duration)")
    }

    @Test(
        "what kcat produced is there after a restart", .timeLimit(.minutes(1)),
        .enabled(if: Finished.isInstalled("kcat")))
    func restart() async throws {
        let folder = NSTemporaryDirectory() + "weir-kafka-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for life in 0..<3 {
            let (_, report) = try await RealNode.with(folder: folder) { node in
                let sent = try await Finished.run(
                    "kcat", ["-b", try node.bootstrap, "-P", "-t", "orders", "-p", "0"], input: "life \(life)\n")
                #expect(sent.status == 0, "\(sent.errors)")
                let got = try await Finished.run(
                    "kcat", ["-b", try node.bootstrap, "-C", "-t", "orders", "-p", "0", "-o", "beginning", "-e", "-q"])
                #expect(got.output == (0...life).map { "life \($0)\n" }.joined(), "\(got.errors)")
            }
            #expect(report.exitCode == 0, "\(report)")
        }
    }
}
