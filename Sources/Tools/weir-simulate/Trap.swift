import RaftSimulation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What is told of a run that the process does not survive: consensus ends it where one of its own invariants breaks.
///
/// When a trap comes, the same command is started again with `--trapped-at`, which says what happened and
/// repeats the run with its trace, until it traps again.
enum Trap {
    // Only the main thread runs simulations, and the handler runs on it.
    nonisolated(unsafe) private static var arguments: [UnsafeMutablePointer<CChar>?] = []
    nonisolated(unsafe) private static var event = 0
    /// Arguments that the command which tells of the trap gets besides.
    nonisolated(unsafe) static var extraArguments: [String] = []

    /// From now on a trap belongs to this run.
    static func expect(in options: SimulationOptions) {
        for argument in arguments { free(argument) }
        let words = options.arguments.split(separator: " ").map(String.init)
        arguments =
            ([CommandLine.arguments[0]] + words + extraArguments + ["--trapped-at"]).map { strdup($0) } + [nil, nil]
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] { signal(number, handle) }
    }

    /// Notes how far the run is.
    static func note(_ event: Int) { Trap.event = event }

    private static let handle: @convention(c) (CInt) -> Void = { number in
        signal(number, SIG_DFL)
        Trap.arguments[Trap.arguments.count - 2] = strdup(String(Trap.event))
        var child: pid_t = 0
        var status: CInt = 0
        if posix_spawn(&child, "/proc/self/exe", nil, nil, Trap.arguments, environ) == 0 { waitpid(child, &status, 0) }
        _exit(1)
    }
}

/// Writes a line at once, so that it is there even if the process ends with the next instruction.
func say(_ line: String, to descriptor: CInt = STDOUT_FILENO) {
    let bytes = Array((line + "\n").utf8)
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, bytes.count - done) }
        guard count > 0 else { return }
        done += count
    }
}
