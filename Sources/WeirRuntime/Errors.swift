/// Why the runtime refuses what was asked of it: a code for programs, a sentence for people.
public struct RuntimeError: Error, Hashable, CustomStringConvertible {
    /// What went wrong.
    public struct Code: Hashable, Sendable {
        /// The code's name in logs.
        public let label: String
        /// Two components want one name.
        public static let duplicateName = Code(label: "duplicateName")
        /// A component's name is empty or has blanks.
        public static let badName = Code(label: "badName")
        /// A component names a dependency that nobody registered.
        public static let unknownDependency = Code(label: "unknownDependency")
        /// Components depend on each other in a circle.
        public static let dependencyCycle = Code(label: "dependencyCycle")
        /// The shutdown plan contradicts itself.
        public static let badPlan = Code(label: "badPlan")
        /// No component has that name.
        public static let unknownComponent = Code(label: "unknownComponent")
        /// Other components depend on the one that should go.
        public static let stillNeeded = Code(label: "stillNeeded")
        /// The runtime goes down.
        public static let shuttingDown = Code(label: "shuttingDown")
        /// The call came at a time of the runtime's life that does not allow it.
        public static let wrongTime = Code(label: "wrongTime")
        /// A component did not start.
        public static let startFailed = Code(label: "startFailed")
    }

    /// The code.
    public var code: Code
    /// What, where, and what to do.
    public var message: String

    /// An error with its sentence.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The sentence.
    public var description: String { message }

    /// What the process ends with because of it: 78 for a bad plan, otherwise 70 (`sysexits.h`).
    public var exitCode: Int32 {
        switch code {
        case .badPlan, .dependencyCycle, .unknownDependency, .duplicateName, .badName: ExitCode.badConfiguration
        default: ExitCode.failed
        }
    }
}

/// A component did not start; what had started was taken down again in stages.
public struct ComponentStartFailed: Error, CustomStringConvertible {
    /// The component.
    public var component: String
    /// What its `start` threw.
    public var reason: any Error
    /// How what had started went down.
    public var report: ExitReport

    /// One sentence.
    public var description: String { "\(component) did not start: \(reason)" }
}

/// The numbers that the process ends with.
public enum ExitCode {
    /// Everything ended by itself.
    public static let clean: Int32 = 0
    /// Wrong usage of a command (`EX_USAGE`).
    public static let usage: Int32 = 64
    /// A component failed (`EX_SOFTWARE`).
    public static let failed: Int32 = 70
    /// Cancelled, or something was abandoned (`EX_TEMPFAIL`).
    public static let incomplete: Int32 = 75
    /// Bad plan or configuration (`EX_CONFIG`).
    public static let badConfiguration: Int32 = 78
    /// Ended by the third signal, or by the watchdog after SIGINT.
    public static let interrupted: Int32 = 130
    /// Ended by the watchdog after SIGTERM.
    public static let terminated: Int32 = 143
}
