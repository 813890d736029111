import Glibc
import Synchronization

/// Where answers go; collected, so that a line costs no system call.
enum StandardOutput {
    private static let pending = Mutex<[UInt8]>([])
    private static let sizeBytesMax = 64 << 10

    /// Prints a line.
    static func print(_ line: String, terminator: String = "\n") {
        write((line + terminator).utf8)
    }

    /// Writes bytes as they are.
    static func write(_ bytes: some Sequence<UInt8>) {
        let isFull = pending.withLock { pending in
            pending.append(contentsOf: bytes)
            return pending.count >= sizeBytesMax
        }
        if isFull { flush() }
    }

    /// Hands what was printed to whoever reads it.
    ///
    /// Ends the process where nobody does any more (`weir consume orders | head -1`): with 0, because the
    /// reader has what it wanted. Any other error ends it with 1.
    static func flush() {
        let bytes = pending.withLock { pending in
            defer { pending.removeAll(keepingCapacity: true) }
            return pending
        }
        let error = writeAll(bytes[...], to: STDOUT_FILENO)
        if error == 0 { return }
        if error == EPIPE { Glibc.exit(ExitStatus.ok.rawValue) }
        StandardError.write("weir: cannot write to standard output: \(String(cString: strerror(error)))")
        Glibc.exit(ExitStatus.failed.rawValue)
    }

    /// Whether a person reads it.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
}

/// Where errors and progress go.
enum StandardError {
    /// Writes one line, whole.
    static func write(_ line: String) {
        _ = writeAll(Array((line + "\n").utf8)[...], to: STDERR_FILENO)
    }

    /// Whether a person watches.
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}

/// Writes all bytes; the error number where it cannot, otherwise 0.
private func writeAll(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int32 {
    var rest = bytes
    while !rest.isEmpty {
        let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if written < 0 {
            if errno == EINTR { continue }
            return errno
        }
        rest = rest.dropFirst(written)
    }
    return 0
}
