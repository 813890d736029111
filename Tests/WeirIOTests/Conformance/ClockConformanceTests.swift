import Testing
import WeirIO
import WeirRuntime
import WeirSimulation

/// The clocks that must behave alike.
enum ClockUnderTest: CaseIterable, CustomTestStringConvertible {
    case system
    case simulated

    var testDescription: String { "\(self)" }

    /// Runs the body with a clock, and with what lets time pass once `count` tasks sleep.
    func use(_ body: (any Clock, _ pass: (_ count: Int, Duration) async -> Void) async throws -> Void) async throws {
        switch self {
        case .system:
            // Time passes by itself.
            try await body(SystemClock()) { _, _ in }
        case .simulated:
            let clock = SimulatedClock()
            try await body(clock) { count, duration in
                await clock.sleepers(atLeast: count)
                clock.advance(by: duration)
            }
        }
    }
}

@Suite("every clock")
struct ClockConformanceTests {
    @Test("never goes back", arguments: ClockUnderTest.allCases)
    func isMonotonic(_ which: ClockUnderTest) async throws {
        try await which.use { clock, _ in
            var last = clock.now
            for _ in 0..<1000 {
                let next = clock.now
                #expect(next >= last)
                last = next
            }
            // After 2023 and before 2100: milliseconds, not seconds nor microseconds.
            #expect(clock.wallMilliseconds > 1_690_000_000_000)
            #expect(clock.wallMilliseconds < 4_102_444_800_000)
        }
    }

    @Test("sleeps until the deadline, not less", arguments: ClockUnderTest.allCases)
    func sleeps(_ which: ClockUnderTest) async throws {
        try await which.use { clock, pass in
            let start = clock.now
            let wall = clock.wallMilliseconds
            async let slept: Void = clock.sleep(for: .milliseconds(20))
            await pass(1, .milliseconds(20))
            try await slept
            #expect(clock.now - start >= .milliseconds(20))
            #expect(clock.wallMilliseconds - wall >= 19)
        }
    }

    @Test("does not sleep until a moment that is past", arguments: ClockUnderTest.allCases)
    func pastDeadline(_ which: ClockUnderTest) async throws {
        try await which.use { clock, _ in
            try await clock.sleep(until: clock.now)
            try await clock.sleep(for: .seconds(-5))
            try await clock.sleep(until: MonotonicTime(nanoseconds: .min))
        }
    }

    @Test("wakes many sleepers, none before its deadline", arguments: ClockUnderTest.allCases)
    func wakesMany(_ which: ClockUnderTest) async throws {
        try await which.use { clock, pass in
            let start = clock.now
            let early = Journal<Int>()
            await withTaskGroup { group in
                for place in (1...50).shuffled() {
                    group.addTask {
                        let deadline = start + .milliseconds(place)
                        try? await clock.sleep(until: deadline)
                        if clock.now < deadline { early.add(place) }
                    }
                }
                await pass(50, .milliseconds(50))
            }
            #expect(early.values.isEmpty)
        }
    }

    @Test("ends the sleep of a cancelled task at once", arguments: ClockUnderTest.allCases)
    func cancels(_ which: ClockUnderTest) async throws {
        try await which.use { clock, pass in
            let never = MonotonicTime(nanoseconds: .max)
            await withTaskGroup { group in
                for _ in 0..<10 {
                    group.addTask {
                        await #expect(throws: CancellationError.self) { try await clock.sleep(until: never) }
                    }
                }
                await pass(10, .zero)
                group.cancelAll()
                // A task that is cancelled before it falls asleep.
                group.addTask {
                    await #expect(throws: CancellationError.self) { try await clock.sleep(until: never) }
                }
            }
            if let simulated = clock as? SimulatedClock { #expect(simulated.sleeperCount == 0) }
        }
    }
}
