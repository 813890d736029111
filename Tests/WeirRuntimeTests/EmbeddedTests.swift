import Testing

#if canImport(Glibc)
import Glibc
#endif

/// The sample of `Samples/EmbeddedRuntime`, as a process.
@Suite("A program that embeds the runtime", .serialized, .timeLimit(.minutes(1)))
struct EmbeddedTests {
    @Test("is drained by a signal and ends with 0", arguments: [SIGTERM, SIGINT])
    func drained(_ signal: Int32) throws {
        let program = try Program.spawn("EmbeddedRuntime")
        program.read(until: "ready")
        kill(program.pid, signal)
        #expect(program.exitStatus() == .exited(0))
    }

    @Test("does not load Foundation")
    func noFoundation() throws {
        let program = try Program.spawn("EmbeddedRuntime")
        program.read(until: "ready")
        let maps = Program.contents(of: "/proc/\(program.pid)/maps")
        #expect(maps.contains("libswiftCore"))
        #expect(!maps.contains("Foundation"))
        kill(program.pid, SIGTERM)
        #expect(program.exitStatus() == .exited(0))
    }

    @Test("prints its work table on SIGQUIT and goes on")
    func dump() throws {
        let program = try Program.spawn("EmbeddedRuntime")
        program.read(until: "ready")
        kill(program.pid, SIGQUIT)
        let printed = program.read(until: "in flight")
        #expect(printed.contains("weir: running"))
        kill(program.pid, SIGTERM)
        #expect(program.exitStatus() == .exited(0))
    }
}

/// A program that lies beside the tests.
private struct Program {
    enum Status: Equatable {
        case exited(Int32)
        case killed(Int32)
    }

    struct NotThere: Error {
        var path: String
    }

    let pid: pid_t
    /// Standard output and standard error together.
    private let output: Int32

    static func spawn(_ name: String) throws -> Program {
        var own = [CChar](repeating: 0, count: 4_096)
        let length = readlink("/proc/self/exe", &own, own.count - 1)
        let test = String(decoding: own.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = test.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let path = "\(folder)/\(name)"
        guard access(path, X_OK) == 0 else { throw NotThere(path: path) }
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0)
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO)
        posix_spawn_file_actions_addclose(&actions, ends[1])
        var pid: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(path), nil]
        defer { free(arguments[0]) }
        let status = posix_spawn(&pid, path, &actions, nil, &arguments, environ)
        close(ends[1])
        guard status == 0 else { throw NotThere(path: path) }
        return Program(pid: pid, output: ends[0])
    }

    /// Reads what the program prints until it has printed `text`, or has ended.
    @discardableResult
    func read(until text: String) -> String {
        var printed: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while !String(decoding: printed, as: UTF8.self).contains(text) {
            let count = Glibc.read(output, &chunk, chunk.count)
            guard count > 0 else { break }
            printed += chunk.prefix(count)
        }
        return String(decoding: printed, as: UTF8.self)
    }

    func exitStatus() -> Status {
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        close(output)
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal)
    }

    static func contents(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk.prefix(count)
        }
    }
}
