import Foundation
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// A program that lies beside the tests, as a process with its output in two pipes.
final class Program: Sendable {
    enum Status: Equatable {
        case exited(Int32)
        case killed(Int32)
    }

    struct NotThere: Error {
        let path: String
    }

    /// Which of the two pipes.
    enum Output {
        case standard
        case error
    }

    let pid: pid_t
    private let standard: Pipe
    private let error: Pipe
    /// Whether its end was waited for.
    private let isOver = Mutex(false)

    /// Starts a program that was built with the tests, or one of the system by its whole path.
    ///
    /// - Parameters:
    ///   - environment: Beside that of the tests.
    init(_ name: String, _ arguments: [String] = [], environment: [String] = []) throws {
        let path = name.hasPrefix("/") ? name : "\(Self.folder)/\(name)"
        guard access(path, X_OK) == 0 else { throw NotThere(path: path) }
        standard = Pipe()
        error = Pipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, standard.writeEnd, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, error.writeEnd, STDERR_FILENO)
        var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = (environment + Self.environment).map { strdup($0) } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid: pid_t = 0
        let status = posix_spawn(&pid, path, &actions, nil, &argv, &envp)
        standard.closeWriteEnd()
        error.closeWriteEnd()
        guard status == 0 else { throw NotThere(path: path) }
        self.pid = pid
    }

    deinit {
        guard !isOver.withLock({ $0 }) else { return }
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
    }

    /// Runs a program to its end.
    static func run(_ name: String, _ arguments: [String] = []) throws -> Finished {
        let program = try Program(name, arguments)
        let output = program.readAll()
        let complaints = program.readAll(.error)
        return Finished(status: program.exitStatus(), output: output, complaints: complaints)
    }

    struct Finished {
        let status: Status
        let output: String
        let complaints: String
    }

    /// Reads until the program has printed `text`, or has closed that output; returns all that it printed there.
    @discardableResult
    func read(until text: String, _ output: Output = .standard) -> String {
        (output == .standard ? standard : error).read(until: text)
    }

    /// Reads until the program closes that output; returns all that it printed there.
    func readAll(_ output: Output = .standard) -> String {
        (output == .standard ? standard : error).read(until: nil)
    }

    func signal(_ number: Int32) { kill(pid, number) }

    /// Waits for its end.
    func exitStatus() -> Status {
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        isOver.withLock { $0 = true }
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal)
    }

    private static var folder: String {
        var own = [CChar](repeating: 0, count: 4_096)
        let length = readlink("/proc/self/exe", &own, own.count - 1)
        let test = String(decoding: own.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return test.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    }

    private static var environment: [String] {
        var found: [String] = []
        var next = environ
        while let text = next.pointee {
            found.append(String(cString: text))
            next += 1
        }
        return found
    }
}

/// The reading end of what a program prints.
private final class Pipe: Sendable {
    private let readEnd: Int32
    let writeEnd: Int32
    /// All that was read.
    private let bytes = Mutex<[UInt8]>([])

    init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "a test has descriptors left")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit { close(readEnd) }

    func closeWriteEnd() { close(writeEnd) }

    func read(until text: String?) -> String {
        bytes.withLock { bytes in
            var chunk = [UInt8](repeating: 0, count: 4_096)
            while text.map({ !String(decoding: bytes, as: UTF8.self).contains($0) }) ?? true {
                // A program that says nothing for a minute is stuck: the test fails on what is missing.
                var waiting = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
                guard poll(&waiting, 1, 60_000) > 0 else { break }
                let count = Glibc.read(readEnd, &chunk, chunk.count)
                guard count > 0 else { break }
                bytes += chunk.prefix(count)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}

/// A folder that is removed with everything in it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-sample-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes a file; returns its path.
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return file
    }
}
