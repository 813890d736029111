import WeirRuntime

/// Why a node did not start, or could not say how it ended.
public struct NodeError: Error, Hashable, CustomStringConvertible {
    /// The kinds that callers tell apart.
    public struct Code: Hashable, Sendable {
        let label: String

        /// The data folder cannot be used, or another process uses it.
        public static let dataFolder = Code(label: "dataFolder")
        /// Nobody can listen on the address for Kafka clients.
        public static let kafkaListener = Code(label: "kafkaListener")
        /// Nobody can listen on the address for HTTP.
        public static let httpListener = Code(label: "httpListener")
        /// A file or the plan of the node is not usable.
        public static let configuration = Code(label: "configuration")
        /// The objects cannot be opened, or a component did not start.
        public static let component = Code(label: "component")
        /// The node ended, and its report was not written.
        public static let report = Code(label: "report")
    }

    /// Which kind.
    public var code: Code
    /// What is wrong, and what to do.
    public var description: String

    /// What a process ends with for it.
    public var exitCode: Int32 {
        switch code {
        case .component, .report: ExitCode.failed
        default: ExitCode.badConfiguration
        }
    }

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
