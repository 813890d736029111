import Testing
import WeirIO
import WeirRuntime
import WeirSimulation

/// The loops that must behave alike.
enum LoopUnderTest: CaseIterable, CustomTestStringConvertible {
    case nio
    case simulated

    var testDescription: String { "\(self)" }

    /// Runs the body with two loops, and with a way to wait until something was called back.
    func use(_ body: (Stage) async throws -> Void) async throws {
        switch self {
        case .nio:
            let loops = EventLoops(count: 2)
            try await body(Stage(loops: loops.loops, clock: SystemClock(), simulator: nil))
            try await loops.shutdown()
        case .simulated:
            for seed in 0..<20 {
                let simulator = Simulator(seed: UInt64(seed))
                let loops = [simulator.makeLoop(), simulator.makeLoop()]
                try await body(Stage(loops: loops, clock: simulator.clock, simulator: simulator))
            }
        }
    }

    struct Stage {
        let loops: [any Loop]
        let clock: any Clock
        let simulator: Simulator?

        /// Returns when the closure that `begin` gets was called.
        func wait(_ begin: (@escaping @Sendable () -> Void) -> Void) async {
            guard let simulator else {
                return await withCheckedContinuation { continuation in begin { continuation.resume() } }
            }
            let isDone = Flag()
            begin { isDone.set() }
            simulator.run { isDone.isSet }
            #expect(isDone.isSet, "nothing is left to run; seed \(simulator.seed)")
        }

        /// Returns when the body ran on the loop, and what that began came to its end.
        func on(_ loop: any Loop, _ body: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) async {
            await wait { done in loop.execute { body(done) } }
        }
    }
}

@Suite("every loop")
struct LoopConformanceTests {
    @Test("runs callbacks in the order in which they were executed", arguments: LoopUnderTest.allCases)
    func keepsOrder(_ which: LoopUnderTest) async throws {
        try await which.use { stage in
            let journal = Journal<Int>()
            await stage.wait { done in
                for index in 0..<100 { stage.loops[0].execute { journal.add(index) } }
                stage.loops[0].execute { done() }
            }
            #expect(journal.values == Array(0..<100))
        }
    }

    @Test("keeps each thread's order when several threads execute", arguments: LoopUnderTest.allCases)
    func keepsOrderOfThreads(_ which: LoopUnderTest) async throws {
        let disk = SystemDisk(backgroundThreadsMax: 4)
        defer { disk.shutdown() }
        try await which.use { stage in
            let journal = Journal<(thread: Int, index: Int)>()
            let loop = stage.loops[1]
            await withCheckedContinuation { continuation in
                let countdown = Countdown(4) { continuation.resume() }
                for thread in 0..<4 {
                    disk.background {
                        for index in 0..<250 { loop.execute { journal.add((thread, index)) } }
                        countdown.countDown()
                    }
                }
            }
            await stage.on(loop) { done in done() }
            for thread in 0..<4 {
                #expect(journal.values.filter { $0.thread == thread }.map(\.index) == Array(0..<250))
            }
        }
    }

    @Test("is current in its callbacks and nowhere else", arguments: LoopUnderTest.allCases)
    func knowsItself(_ which: LoopUnderTest) async throws {
        try await which.use { stage in
            let (first, second) = (stage.loops[0], stage.loops[1])
            #expect(!first.isCurrent && !second.isCurrent)
            let seen = Journal<[Bool]>()
            await stage.on(first) { done in
                seen.add([first.isCurrent, second.isCurrent])
                first.atEndOfBurst {
                    seen.add([first.isCurrent, second.isCurrent])
                    first.schedule(after: .milliseconds(1)) {
                        seen.add([first.isCurrent, second.isCurrent])
                        done()
                    }
                }
            }
            #expect(seen.values == Array(repeating: [true, false], count: 3))
        }
    }

    @Test("tells one time throughout a callback, and later ones afterwards", arguments: LoopUnderTest.allCases)
    func tellsTime(_ which: LoopUnderTest) async throws {
        try await which.use { stage in
            let loop = stage.loops[0]
            let clock = stage.clock
            let times = Journal<MonotonicTime>()
            let before = clock.now
            await stage.on(loop) { done in
                times.add(loop.now)
                times.add(loop.now)
                loop.schedule(after: .milliseconds(2)) {
                    times.add(loop.now)
                    done()
                }
            }
            let values = times.values
            #expect(values[0] == values[1])
            #expect(values[0] >= before)
            #expect(values[2] - values[1] >= .milliseconds(2))
            #expect(values[2] <= clock.now)
        }
    }

    @Test(
        "runs scheduled callbacks in order of deadline, the past first, none early", arguments: LoopUnderTest.allCases)
    func schedules(_ which: LoopUnderTest) async throws {
        try await which.use { stage in
            let loop = stage.loops[0]
            let journal = Journal<(wanted: Int, late: Duration)>()
            await stage.on(loop) { done in
                let start = loop.now
                let countdown = Countdown(6, then: done)
                for milliseconds in [9, 3, -5, 0, 6, 12] {
                    let deadline = start + .milliseconds(milliseconds)
                    loop.schedule(at: deadline) {
                        journal.add((milliseconds, loop.now - deadline))
                        countdown.countDown()
                    }
                }
            }
            #expect(journal.values.map(\.wanted) == [-5, 0, 3, 6, 9, 12])
            #expect(journal.values.allSatisfy { $0.late >= .zero })
        }
    }

    @Test("takes deadlines that are never, and cancels them", arguments: LoopUnderTest.allCases)
    func schedulesNever(_ which: LoopUnderTest) async throws {
        try await which.use { stage in
            let loop = stage.loops[0]
            let never = loop.schedule(at: MonotonicTime(nanoseconds: .max)) { Issue.record("never came") }
            let longAgo = Flag()
            loop.schedule(at: MonotonicTime(nanoseconds: .min)) { longAgo.set() }
            await stage.on(loop) { done in _ = loop.schedule(after: .milliseconds(1)) { done() } }
            #expect(longAgo.isSet)
            never.cancel()
        }
    }

    @Test("does not run what was cancelled, even by a callback of the same moment", arguments: LoopUnderTest.allCases)
    func cancels(_ which: LoopUnderTest) async throws {
        try await which.use { stage in
            let loop = stage.loops[0]
            let victim = Shared<(any ScheduledCallback)?>(nil)
            let ran = Journal<String>()
            await stage.on(loop) { done in
                let soon = loop.now + .milliseconds(2)
                loop.schedule(at: soon) {
                    ran.add("first")
                    victim.value?.cancel()
                }
                victim.value = loop.schedule(at: soon) { ran.add("victim") }
                let early = loop.schedule(at: soon) { ran.add("cancelled at once") }
                early.cancel()
                early.cancel()
                let past = loop.schedule(at: soon) { ran.add("last") }
                loop.schedule(after: .milliseconds(4)) {
                    past.cancel()
                    done()
                }
            }
            #expect(ran.values == ["first", "last"])
        }
    }

    @Test("is cancelled from other threads while it fires, and runs once or never", arguments: LoopUnderTest.allCases)
    func cancelsFromElsewhere(_ which: LoopUnderTest) async throws {
        let disk = SystemDisk(backgroundThreadsMax: 2)
        defer { disk.shutdown() }
        try await which.use { stage in
            let loop = stage.loops[0]
            let ran = Journal<Int>()
            let start = stage.clock.now
            let timers = (0..<200).map { index in
                loop.schedule(at: start + .microseconds(index * 10)) { ran.add(index) }
            }
            await withCheckedContinuation { continuation in
                let countdown = Countdown(2) { continuation.resume() }
                for thread in 0..<2 {
                    disk.background {
                        for index in stride(from: thread, to: 200, by: 2) { timers[index].cancel() }
                        countdown.countDown()
                    }
                }
            }
            await stage.on(loop) { done in _ = loop.schedule(after: .milliseconds(3)) { done() } }
            #expect(Set(ran.values).count == ran.values.count)
        }
    }

    @Test(
        "runs end-of-burst bodies once each, in order, after the callback that asked", arguments: LoopUnderTest.allCases
    )
    func endsBursts(_ which: LoopUnderTest) async throws {
        try await which.use { stage in
            let loop = stage.loops[0]
            let journal = Journal<String>()
            await stage.on(loop) { done in
                loop.atEndOfBurst {
                    journal.add("end 1")
                    loop.atEndOfBurst {
                        journal.add("end of the next")
                        done()
                    }
                }
                loop.atEndOfBurst { journal.add("end 2") }
                journal.add("callback")
            }
            #expect(journal.values == ["callback", "end 1", "end 2", "end of the next"])
        }
    }

    @Test("gathers the callbacks of a burst under one end", arguments: LoopUnderTest.allCases)
    func gathersBursts(_ which: LoopUnderTest) async throws {
        try await which.use { stage in
            let loop = stage.loops[0]
            let ends = Journal<Int>()
            let gathered = Shared(0)
            await stage.on(loop) { done in
                let countdown = Countdown(1000, then: done)
                for _ in 0..<1000 {
                    loop.execute {
                        if gathered.value == 0 {
                            loop.atEndOfBurst {
                                let count = gathered.value
                                ends.add(count)
                                gathered.value = 0
                                for _ in 0..<count { countdown.countDown() }
                            }
                        }
                        gathered.value += 1
                    }
                }
            }
            #expect(ends.values.reduce(0, +) == 1000)
            #expect(ends.values.count < 500)
        }
    }
}
