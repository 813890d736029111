/// A command cannot do what it was asked to; one line for the person, one code for the program.
struct UsageError: Error, Hashable, CustomStringConvertible {
    /// The process's exit code; docs/operating.md lists them.
    var code: ExitStatus
    /// What is wrong, and what to do.
    var description: String

    /// The words of the call are off.
    static func usage(_ message: String) -> UsageError { UsageError(code: .usage, description: message) }
    /// A setting, a file or a folder is not usable.
    static func configuration(_ message: String) -> UsageError {
        UsageError(code: .configuration, description: message)
    }
    /// What was asked failed.
    static func failed(_ message: String) -> UsageError { UsageError(code: .failed, description: message) }
    /// The node cannot be reached.
    static func unavailable(_ message: String) -> UsageError { UsageError(code: .unavailable, description: message) }
}

/// What the process ends with, after sysexits.h where it has a word for it.
enum ExitStatus: Int32, Sendable {
    /// Done.
    case ok = 0
    /// What was asked failed.
    case failed = 1
    /// Wrong usage.
    case usage = 64
    /// The node cannot be reached.
    case unavailable = 69
    /// A component failed.
    case component = 70
    /// Cancelled, or something was abandoned.
    case abandoned = 75
    /// Bad plan or configuration.
    case configuration = 78
}
