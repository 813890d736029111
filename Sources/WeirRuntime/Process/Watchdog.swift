internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// Ends the process when the hard total has passed, from a plain thread.
///
/// It needs no pool, no loop and no lock of the runtime, so it works when all of these are stuck. It
/// reads real time and not the clock port: a stuck process has nobody left who would advance another.
final class Watchdog: Sendable {
    /// How long writing the exit report may take before the process ends without it.
    static let reportGrace = Duration.milliseconds(250)

    private let exit: @Sendable (Int32) -> Void
    private let armed = Mutex<ThreadFlag?>(nil)

    /// A watchdog that ends the process with `exit`, which is `_exit` but in tests.
    init(exit: @escaping @Sendable (Int32) -> Void) {
        self.exit = exit
    }

    /// Starts to count: unless disarmed within `limit`, writes the report and ends the process.
    ///
    /// Replaces what was armed before.
    func arm(within limit: Duration, exitCode: Int32, report: @escaping @Sendable () -> Void) {
        let disarmed = ThreadFlag()
        let previous = armed.withLock { armed in
            let previous = armed
            armed = disarmed
            return previous
        }
        previous?.raise()
        PlainThread.start { [self] in
            guard !disarmed.wait(atMost: limit) else { return }
            endProcess(exitCode, report: report)
        }
    }

    /// Stops to count.
    func disarm() {
        let previous = armed.withLock { armed in
            let previous = armed
            armed = nil
            return previous
        }
        previous?.raise()
    }

    /// Writes the report and ends the process, whether or not the report could be written in time.
    func endProcess(_ exitCode: Int32, report: @escaping @Sendable () -> Void) {
        let written = ThreadFlag()
        PlainThread.start {
            report()
            written.raise()
        }
        _ = written.wait(atMost: Self.reportGrace)
        exit(exitCode)
    }

    /// Ends the process at once: no `atexit` handler, no flushing of streams, both of which could hang.
    static let processExit: @Sendable (Int32) -> Void = { _exit($0) }
}
