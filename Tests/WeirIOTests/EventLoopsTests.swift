import Glibc
import NIOCore
import NIOPosix
import Testing
import WeirIO
import WeirRuntime

@Suite("the event loops")
struct EventLoopsTests {
    @Test("give for each event loop the loop of its thread, and back")
    func findsLoops() async throws {
        let loops = EventLoops(count: 3)
        #expect(loops.loops.count == 3)
        for loop in loops.loops {
            #expect(loops.loop(for: loops.eventLoop(of: loop)) === loop)
        }
        let eventLoop = loops.group.next()
        let loop = loops.loop(for: eventLoop)
        #expect(try await eventLoop.submit { loop.isCurrent }.get())
        try await loops.shutdown()
    }

    @Test("share the scale of NIO's deadlines")
    func sharesScale() {
        let clock = SystemClock()
        let before = clock.now
        let point = NIODeadline.now()
        let after = clock.now
        #expect(Int64(point.uptimeNanoseconds) >= before.nanoseconds)
        #expect(Int64(point.uptimeNanoseconds) <= after.nanoseconds)
    }

    @Test("end a burst after the reads of all channels that were ready")
    func endsBurstAfterReads() async throws {
        let loops = EventLoops(count: 1)
        let loop = loops.loops[0]
        let journal = Journal<String>()
        var writers: [CInt] = []
        var channels: [any Channel] = []
        for _ in 0..<8 {
            var ends: [CInt] = [0, 0]
            #expect(pipe(&ends) == 0)
            writers.append(ends[1])
            let channel = try await NIOPipeBootstrap(group: loops.group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(BurstHandler(loop, journal))
                    }
                }
                .takingOwnershipOfDescriptor(input: ends[0]).get()
            channels.append(channel)
        }
        // All pipes get their byte while the loop is busy, so that one look at the sockets finds all.
        let descriptors = writers
        try await loops.group.next().submit {
            for descriptor in descriptors { #expect(write(descriptor, "x", 1) == 1) }
        }.get()
        while journal.values.count < 16 { await Task.yield() }
        #expect(journal.values == Array(repeating: "read", count: 8) + Array(repeating: "end", count: 8))
        for channel in channels { try await channel.close() }
        for writer in writers { close(writer) }
        try await loops.shutdown()
    }

    @Test("take callbacks after shutdown without running them")
    func shutsDown() async throws {
        let loops = EventLoops(count: 1)
        let loop = loops.loops[0]
        let never = loop.schedule(at: MonotonicTime(nanoseconds: .max)) { Issue.record("ran") }
        try await loops.shutdown()
        never.cancel()
        loop.schedule(at: MonotonicTime(nanoseconds: 0)) { Issue.record("ran") }.cancel()
    }
}

/// Tells of each read, and asks for the end of its burst.
private final class BurstHandler: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    private let loop: any Loop
    private let journal: Journal<String>

    init(_ loop: any Loop, _ journal: Journal<String>) {
        self.loop = loop
        self.journal = journal
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let journal = journal
        journal.add("read")
        loop.atEndOfBurst { journal.add("end") }
    }
}
