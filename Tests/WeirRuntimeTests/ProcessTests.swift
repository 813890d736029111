import Logging
import Testing
import WorkTracking

@testable import WeirRuntime

#if canImport(Glibc)
import Glibc
#endif

@Suite("The process", .serialized, .timeLimit(.minutes(1)))
struct ProcessTests {
    @Test("real signals reach the subscriber while there is one, and have their old effect after it")
    func realSignals() async {
        signal(SIGQUIT, SIG_IGN)
        defer { signal(SIGQUIT, SIG_DFL) }
        let journal = Journal()
        let subscription = ProcessSignals().subscribe { journal.note($0.rawValue) }
        for signal in ProcessSignal.allCases { kill(getpid(), signal.number) }
        for signal in ProcessSignal.allCases { await journal.wait(for: signal.rawValue) }
        subscription.cancel()
        subscription.cancel()
        // Ignored again, as before the subscription: a handler that stayed would note it, the default would kill.
        kill(getpid(), SIGQUIT)
        #expect(journal.entries.count == 3)
    }

    @Test("the watchdog ends the process with its code after writing the report")
    func watchdog() async {
        let journal = Journal()
        let watchdog = Watchdog { journal.note("exit \($0)") }
        watchdog.arm(within: .milliseconds(5), exitCode: 143) { journal.note("report") }
        await journal.wait(for: "exit 143")
        #expect(journal.entries == ["report", "exit 143"])
    }

    @Test("the watchdog ends the process even where writing the report hangs")
    func stuckReport() async {
        let journal = Journal()
        let release = ThreadFlag()
        let watchdog = Watchdog { journal.note("exit \($0)") }
        watchdog.arm(within: .zero, exitCode: 130) { _ = release.wait(atMost: .seconds(30)) }
        await journal.wait(for: "exit 130")
        release.raise()
        #expect(journal.entries == ["exit 130"])
    }

    @Test("a disarmed watchdog does nothing")
    func disarmed() async {
        let journal = Journal()
        let watchdog = Watchdog { journal.note("exit \($0)") }
        watchdog.arm(within: .milliseconds(30), exitCode: 143) {}
        watchdog.disarm()
        let second = Watchdog { journal.note("second \($0)") }
        second.arm(within: .milliseconds(60), exitCode: 143) {}
        await journal.wait(for: "second 143")
        #expect(journal.entries == ["second 143"])
    }

    @Test("the watchdog ends a runtime whose virtual time stands still, with the code of the signal")
    func stuckRuntime() async throws {
        for (signal, code) in [(ProcessSignal.terminate, 143), (.interrupt, 130)] {
            let written = Journal()
            let bench = Bench { configuration in
                configuration.shutdown.total = .milliseconds(20)
                let tiny = Deadlines(soft: .zero, hard: .milliseconds(5))
                configuration.shutdown.handOver = tiny
                configuration.shutdown.drain = tiny
                configuration.shutdown.flush = tiny
                configuration.shutdown.stop = tiny
                configuration.shutdown.watchdogMargin = .zero
                configuration.forcedReport = { written.note($0.verdict.rawValue) }
            }
            let stuck = try bench.add("stuck")
            try await bench.runtime.start()
            let work = try HeldWork(stuck.context.gate)
            bench.signals.send(signal)
            await bench.journal.wait(for: "exit \(code)")
            #expect(written.entries == ["forced"])
            work.end()
            _ = await bench.runtime.exitReport()
        }
    }

    @Test("an idle runtime starts and drains without waiting for anything")
    func idleBudget() async throws {
        var best = (start: Duration.seconds(1), drain: Duration.seconds(1))
        for _ in 0..<20 {
            let clock = ProcessClock()
            let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let empty = Runtime(RuntimeConfiguration.quiet, clock: clock, logger: silent)
            let begin = clock.now
            try await empty.start()
            best.start = min(best.start, clock.now - begin)
            _ = await empty.shutdown()
            let runtime = Runtime(RuntimeConfiguration.quiet, clock: clock, logger: silent)
            for name in ["http", "kafka", "log"] { try runtime.register(Probe(name, on: name == "log" ? [] : ["log"])) }
            try await runtime.start()
            let drain = clock.now
            _ = await runtime.shutdown()
            best.drain = min(best.drain, clock.now - drain)
        }
        // The budgets are 1 ms and 5 ms; ten times that still tells a poll or a sleep, also under a sanitizer.
        #expect(best.start < .milliseconds(10))
        #expect(best.drain < .milliseconds(50))
    }
}

extension RuntimeConfiguration {
    /// Without signals.
    fileprivate static var quiet: RuntimeConfiguration {
        var configuration = RuntimeConfiguration()
        configuration.signals = nil
        // A starved machine must not end the tests.
        configuration.endProcess = { _ in }
        return configuration
    }
}
