import Logging
import WeirRuntime
import WorkTracking

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

// Hosts one loop and drains it: on SIGTERM, on Ctrl-C, or when the work is done.
let runtime = Runtime()
try runtime.host("worker") { scope in
    repeat {
        try await scope.gate.track("tick") { scope.logger.info("tick") }
    } while await scope.sleep(for: .seconds(1))
}
exit(try await runtime.run { runtime.logger.info("ready") }.exitCode)
