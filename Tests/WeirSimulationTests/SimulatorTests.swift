import Synchronization
import Testing
import WeirRuntime
import WeirSimulation

@Suite("the simulator")
struct SimulatorTests {
    @Test("the same seed gives the same order, other seeds give others")
    func isDeterministic() {
        for seed: UInt64 in 0..<20 { #expect(trace(seed) == trace(seed), "seed \(seed)") }
        #expect(Set((0..<50).map { trace($0).joined() }).count > 25)
    }

    /// Three loops that call each other, and what they did in which order.
    private func trace(_ seed: UInt64) -> [String] {
        let simulator = Simulator(seed: seed)
        let loops = (0..<3).map { _ in simulator.makeLoop() }
        let journal = Journal<String>()
        for (index, loop) in loops.enumerated() {
            for round in 0..<5 {
                loop.execute {
                    journal.add("\(index).\(round)")
                    loop.atEndOfBurst { journal.add("end \(index)") }
                    let other = (index + round) % 3
                    loops[other].execute { journal.add("\(index) to \(other)") }
                    loops[other].schedule(at: MonotonicTime(nanoseconds: 10)) { journal.add("timer \(index)") }
                }
            }
        }
        simulator.run(for: .microseconds(1))
        return journal.values
    }

    @Test("time stands still while something can run, and jumps to what is next")
    func jumps() {
        let simulator = Simulator(seed: 1)
        let loop = simulator.makeLoop()
        let times = Journal<Int64>()
        for milliseconds in [50, 10, 30] {
            loop.schedule(at: MonotonicTime(nanoseconds: Int64(milliseconds) * 1_000_000)) {
                times.add(loop.now.nanoseconds / 1_000_000)
                loop.execute { times.add(loop.now.nanoseconds / 1_000_000) }
            }
        }
        simulator.runUntilIdle()
        #expect(times.values.isEmpty)
        simulator.run(for: .milliseconds(30))
        #expect(times.values == [10, 10, 30, 30])
        #expect(simulator.clock.now.nanoseconds == 30_000_000)
        #expect(simulator.nextDeadline?.nanoseconds == 50_000_000)
        simulator.run(for: .seconds(10))
        #expect(times.values == [10, 10, 30, 30, 50, 50])
        #expect(simulator.clock.now.nanoseconds == 10_030_000_000)
        #expect(simulator.isIdle && simulator.nextDeadline == nil)
    }

    @Test("runs until a condition holds, or time is over")
    func runsUntil() {
        let simulator = Simulator(seed: 1)
        let loop = simulator.makeLoop()
        let ticks = Journal<Int>()
        @Sendable func tick(_ count: Int) {
            ticks.add(count)
            loop.schedule(after: .seconds(1)) { tick(count + 1) }
        }
        loop.execute { tick(0) }
        #expect(simulator.run { ticks.values.count == 5 })
        #expect(simulator.clock.now.nanoseconds == 4_000_000_000)
        #expect(!simulator.run(within: .seconds(3)) { ticks.values.count == 100 })
        #expect(ticks.values.count == 8)
        simulator.discardAll()
        #expect(simulator.isIdle)
        #expect(!simulator.run { false })
        #expect(ticks.values.count == 8)
    }

    @Test("a test may act as a loop, and its burst ends when the simulator runs")
    func performs() {
        let simulator = Simulator(seed: 1)
        let (one, other) = (simulator.makeLoop(), simulator.makeLoop())
        let journal = Journal<String>()
        let value = one.perform {
            #expect(one.isCurrent && !other.isCurrent)
            one.atEndOfBurst { journal.add("end") }
            return 5
        }
        #expect(value == 5 && !one.isCurrent && journal.values.isEmpty)
        #expect(simulator.run { other.perform { journal.values == ["end"] } })
    }

    @Test("is current only on the thread that runs it")
    func knowsThreads() async {
        let simulator = Simulator(seed: 1)
        let loop = simulator.makeLoop()
        let isElsewhere = Mutex<Bool?>(nil)
        loop.perform {
            let done = Journal<Bool>()
            Task.detached { done.add(loop.isCurrent) }
            while done.values.isEmpty {}
            isElsewhere.withLock { $0 = done.values[0] }
        }
        #expect(isElsewhere.withLock { $0 } == false)
    }

    @Test("runs asynchronous code on a loop, in virtual time, the same for the same seed")
    func runsTasks() throws {
        #expect(try taskTrace(3) == taskTrace(3))
        #expect(try Set((0..<30).map { try taskTrace($0).joined() }).count > 3)
    }

    private func taskTrace(_ seed: UInt64) throws -> [String] {
        let simulator = Simulator(seed: seed)
        let (loop, other) = (simulator.makeLoop(), simulator.makeLoop())
        let clock = simulator.clock
        let journal = Journal<String>()
        let sum = try simulator.run(on: loop) {
            try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<4 {
                    group.addTask(executorPreference: index % 2 == 0 ? loop : other) {
                        try await clock.sleep(for: .seconds(index / 2))
                        journal.add("\(index) at \(clock.now.nanoseconds / 1_000_000_000) s")
                        return index
                    }
                }
                return try await group.reduce(0, +)
            }
        }
        #expect(sum == 6)
        return journal.values
    }

    @Test("says when asynchronous code does not end")
    func findsStuckTasks() {
        let simulator = Simulator(seed: 1)
        let loop = simulator.makeLoop()
        let clock = simulator.clock
        #expect(throws: Simulator.Stuck.self) {
            try simulator.run(on: loop, within: .seconds(10)) { try await clock.sleep(for: .seconds(11)) }
        }
        #expect(clock.sleeperCount == 0)
    }
}

@Suite("the virtual clock")
struct SimulatedClockTests {
    @Test("wakes sleepers in order of deadline, each at its time")
    func wakesInOrder() throws {
        let simulator = Simulator(seed: 1)
        let (loop, clock) = (simulator.makeLoop(), simulator.clock)
        let journal = Journal<Int64>()
        try simulator.run(on: loop) {
            await withTaskGroup { group in
                for seconds in [3, 1, 2, 5, 4] {
                    group.addTask {
                        try? await clock.sleep(for: .seconds(seconds))
                        journal.add(clock.now.nanoseconds / 1_000_000_000)
                    }
                }
            }
        }
        #expect(journal.values == [1, 2, 3, 4, 5])
    }

    @Test("moves the wall with it, and lets it jump")
    func movesWall() {
        let clock = SimulatedClock(wallMilliseconds: 5000)
        clock.advance(by: .milliseconds(20))
        #expect(clock.wallMilliseconds == 5020)
        clock.setWall(milliseconds: 1000)
        clock.advance(by: .milliseconds(1))
        #expect(clock.wallMilliseconds == 1001)
        #expect(clock.now.nanoseconds == 21_000_000)
        #expect(!clock.advanceToNextDeadline())
    }
}

@Suite("seeded random numbers")
struct SeededRandomTests {
    @Test("are those of SplitMix64")
    func knownNumbers() {
        // The reference implementation's first numbers for the seed 1234567.
        var random = SeededRandom(seed: 1_234_567)
        let numbers = (0..<3).map { _ in random.next() }
        #expect(numbers == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }

    @Test("come as often as the chance says, and draw nothing for none")
    func chances() {
        var random = SeededRandom(seed: 5)
        var untouched = random
        let none = random.chance(0)
        #expect(!none)
        let (next, expected) = (random.next(), untouched.next())
        #expect(next == expected)
        let hits = (0..<10_000).count { _ in random.chance(0.25) }
        #expect(hits > 2300 && hits < 2700)
        let always = (0..<100).allSatisfy { _ in random.chance(1) }
        #expect(always)
    }
}
