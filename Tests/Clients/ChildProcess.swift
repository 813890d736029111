import Foundation
import Glibc

/// A process that a test started, and ends by its pid.
///
/// `posix_spawn` and `waitpid`, because `Foundation.Process` notices an end only tens of milliseconds later,
/// and these tests measure ends.
final class ChildProcess {
    let pid: pid_t
    private let output: Int32
    private var input: Int32?
    private var status: Int32?

    /// Starts `path`; its standard error goes to the end of `errors`.
    init(_ path: String, _ arguments: [String], environment: [String: String] = [:], errors: URL? = nil) throws {
        var out: [Int32] = [0, 0]
        var into: [Int32] = [0, 0]
        guard pipe(&out) == 0, pipe(&into) == 0 else { throw Failure("no pipes: errno \(errno)") }
        for descriptor in out + into { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, into[0], 0)
        posix_spawn_file_actions_adddup2(&actions, out[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, errors?.path ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0o644)
        var variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        for name in variables.keys where name.hasPrefix("WEIR_") && environment[name] == nil { variables[name] = nil }
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        let entries = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for word in words + entries { free(word) } }
        var pid = pid_t()
        let failure = posix_spawnp(&pid, path, &actions, nil, words, entries)
        close(out[1])
        close(into[0])
        output = out[0]
        input = into[1]
        self.pid = failure == 0 ? pid : -1
        if failure != 0 {
            // There is nothing to end or to wait for: a signal to process 0 would end the tests.
            status = -1
            throw Failure("cannot start \(path): \(String(cString: strerror(failure)))")
        }
    }

    deinit {
        if status == nil {
            signal(SIGKILL)
            wait()
        }
        closeInput()
        close(output)
    }

    func signal(_ number: Int32) {
        if status == nil { kill(pid, number) }
    }

    /// Waits for the end. The exit code, or the negative signal number.
    @discardableResult
    func wait() -> Int32 {
        if let status { return status }
        var word: Int32 = 0
        while waitpid(pid, &word, 0) == -1, errno == EINTR {}
        let signal = word & 0x7F
        let status = signal == 0 ? (word >> 8) & 0xFF : -signal
        self.status = status
        return status
    }

    /// Closes its standard input.
    func closeInput() {
        if let input { close(input) }
        input = nil
    }

    /// One line of its standard output, without the line end; nil at the end of the stream.
    func readLine() -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = read(output, &byte, 1)
            if count == -1, errno == EINTR { continue }
            if count <= 0 { return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
            if byte == 10 { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
    }

    /// The rest of its standard output, to its end.
    func readToEnd() -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(output, &chunk, chunk.count)
            if count == -1, errno == EINTR { continue }
            if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }

    /// Starts, waits, and gives what it printed. Throws where it did not end with 0.
    static func run(_ path: String, _ arguments: [String], environment: [String: String] = [:]) throws -> String {
        let (status, output, errors) = try result(of: path, arguments, environment: environment)
        guard status == 0 else {
            throw Failure(
                "\(path) \(arguments.joined(separator: " ")) ended with \(status): \(errors)\(output.suffix(4000))")
        }
        return output
    }

    /// Starts, waits, and gives its exit status and what it printed on both streams.
    static func result(
        of path: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (status: Int32, output: String, errors: String) {
        let log = FileManager.default.temporaryDirectory.appendingPathComponent("weir-test-\(UUID().uuidString).log")
        defer { try? FileManager.default.removeItem(at: log) }
        let child = try ChildProcess(path, arguments, environment: environment, errors: log)
        child.closeInput()
        let output = child.readToEnd()
        let status = child.wait()
        return (status, output, (try? String(contentsOf: log, encoding: .utf8)) ?? "")
    }
}

/// Seconds since some start, for measuring how long a process took.
func monotonicSeconds() -> Double {
    Double(DispatchTime.now().uptimeNanoseconds) / 1e9
}

/// A test cannot go on; the sentence says why.
struct Failure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
