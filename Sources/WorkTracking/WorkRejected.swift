/// Work was refused at a gate.
public struct WorkRejected: Error, Hashable, CustomStringConvertible {
    /// Why.
    public struct Reason: Hashable, Sendable {
        /// The label in metrics and reports.
        public let label: String
        /// The component drains, or is drained.
        public static let draining = Reason(label: "draining")
        /// The component is read-only, and the work would write.
        public static let readOnly = Reason(label: "readOnly")
        /// The component is at its limit, and its queue is full or not used.
        public static let overLimit = Reason(label: "overLimit")
    }

    /// The component that refused.
    public var component: String
    /// Why.
    public var reason: Reason

    /// A refusal by the component named.
    public init(component: String, reason: Reason) {
        self.component = component
        self.reason = reason
    }

    /// One sentence.
    public var description: String { "\(component) refuses work: \(reason.label)" }
}

/// A registry could not do what was asked of it.
public struct WorkRegistryError: Error, Hashable, CustomStringConvertible {
    /// What went wrong, for programs.
    public struct Code: Hashable, Sendable {
        /// The code as a word.
        public let label: String
        /// Two components want one name.
        public static let duplicateName = Code(label: "duplicateName")
        /// No component has the name.
        public static let unknownName = Code(label: "unknownName")
        /// The component still has work in flight.
        public static let busy = Code(label: "busy")
        /// The process is shutting down: nothing is opened again.
        public static let shuttingDown = Code(label: "shuttingDown")
    }

    /// What went wrong, for programs.
    public let code: Code
    /// The components that it is about.
    public let names: [String]

    init(_ code: Code, _ names: [String]) {
        self.code = code
        self.names = names
    }

    /// One sentence: what, where, and what to do.
    public var description: String {
        let list = names.joined(separator: ", ")
        return switch code {
        case .duplicateName: "two components want the name \(list); rename one of them"
        case .unknownName: "no component is called \(list); `weir work` lists those there are"
        case .busy: "\(list) cannot be opened again while work is in flight; wait until it is drained"
        default: "\(list) cannot be opened again: the process is shutting down"
        }
    }
}
