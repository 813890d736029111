public import NIOCore
import NIOPosix
public import WeirRuntime

/// The event loops of the process, each of them as NIO's `EventLoop` and as the `Loop` of its thread.
public final class EventLoops: Sendable {
    /// One loop a thread, in a fixed order.
    public let loops: [any Loop]
    private let threads: MultiThreadedEventLoopGroup
    private let loopOf: [ObjectIdentifier: NIOLoop]

    /// Starts `count` threads, by default one a core that the process may use.
    public init(count: Int = System.coreCount, clock: any Clock = SystemClock()) {
        precondition(count > 0, "a process without loops does nothing")
        threads = MultiThreadedEventLoopGroup(numberOfThreads: count)
        let wrapped = threads.makeIterator().map { NIOLoop($0, clock: clock) }
        loops = wrapped
        loopOf = Dictionary(uniqueKeysWithValues: wrapped.map { (ObjectIdentifier($0.eventLoop), $0) })
    }

    /// What bootstraps take to spread channels over the loops.
    public var group: any EventLoopGroup { threads }

    /// The loop whose callbacks share the thread of `eventLoop`, e.g. of a channel's.
    public func loop(for eventLoop: any EventLoop) -> any Loop {
        guard let loop = loopOf[ObjectIdentifier(eventLoop)] else {
            preconditionFailure("the event loop is of another group")
        }
        return loop
    }

    /// The event loop whose channels share the thread of `loop`.
    public func eventLoop(of loop: any Loop) -> any EventLoop {
        guard let loop = loop as? NIOLoop, loopOf[ObjectIdentifier(loop.eventLoop)] === loop else {
            preconditionFailure("the loop is of another group")
        }
        return loop.eventLoop
    }

    /// Closes what channels are left, drops waiting timers and ends the threads.
    public func shutdown() async throws {
        try await threads.shutdownGracefully()
    }
}
