import Glibc

/// The variables that the process was started with.
enum ProcessEnvironment {
    /// The variable's value; nil where it is not set.
    static func value(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// All of them.
    static func all() -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return variables
    }
}

/// Where errors and progress go.
enum StandardError {
    /// Writes one line, whole.
    static func write(_ line: String) {
        let text = line + "\n"
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
            if written <= 0 { return }
            bytes = bytes.dropFirst(written)
        }
    }

    /// Whether a person watches.
    static var isTerminal: Bool { isatty(2) == 1 }
}

/// Hands what was printed to whoever reads it, also where that is a pipe.
func flushOutput() {
    fflush(nil)
}
