/// A plugin of Weir in Swift: say what it is, take the host, and reconcile.
///
/// ```swift
/// import WeirPlugin
///
/// struct Greeter: Plugin {
///     static let manifest = Manifest(name: "greeter", version: "1.0.0", kinds: ["ConfigMap"])
///     let host: Host
///     init(host: Host) { self.host = host }
///     func reconcile(_ request: Request) -> Answer {
///         host.log(.notice, "looked at \(request.name)")
///         return .done
///     }
/// }
///
/// @c(weir_plugin_entry) public func entry(_ abi: UInt32) -> UnsafeRawPointer? { export(Greeter.self, abi) }
/// ```
///
/// Build it as a dynamic library that links this module only. Every function is called on a thread of the host that may
/// block; `reconcile` on several at once. docs/plugins.md has the whole contract.
public protocol Plugin: Sendable {
    /// What it is, and what it asks for.
    static var manifest: Manifest { get }

    /// Starts. What it throws fails the start, with its description as the reason.
    init(host: Host) throws

    /// Makes the world as an object says. What it throws is tried again later, but for `TerminalFailure`.
    func reconcile(_ request: Request) throws -> Answer

    /// Hands what it leads to another node, while everything serves.
    func handOver() throws
    /// The node drains: begin nothing new.
    func drain() throws
    /// The drain's soft deadline passed: give up what runs.
    func cancel() throws
    /// A drain was taken back.
    func resume() throws
    /// Makes durable what it holds.
    func flush() throws
    /// The last call.
    func stop() throws
}

extension Plugin {
    /// Nothing to do.
    public func reconcile(_ request: Request) throws -> Answer { .done }
    /// Does nothing.
    public func handOver() throws {}
    /// Does nothing.
    public func drain() throws {}
    /// Does nothing.
    public func cancel() throws {}
    /// Does nothing.
    public func resume() throws {}
    /// Does nothing.
    public func flush() throws {}
    /// Does nothing.
    public func stop() throws {}
}

/// What a plugin is, and what it asks its configuration to grant.
public struct Manifest: Sendable, Codable {
    /// Leave to do something with kinds, or with topics.
    public struct Need: Sendable, Codable {
        var kinds: [String]?
        var topics: [String]?
        var verbs: [String]

        /// Verbs on objects: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
        public static func objects(_ kinds: String..., verbs: [String]) -> Need {
            Need(kinds: kinds, topics: nil, verbs: verbs)
        }

        /// Verbs on topics: `produce`, `consume`. A `*` at the end of a name stands for anything.
        public static func records(_ topics: String..., verbs: [String]) -> Need {
            Need(kinds: nil, topics: topics, verbs: verbs)
        }
    }

    var name: String
    var version: String
    var description: String
    var kinds: [String]
    var needs: [Need]

    /// A manifest.
    ///
    /// - Parameters:
    ///   - kinds: The kinds that it reconciles: `ConfigMap`, `Topic`, `Widget.example.com`. It may read them.
    ///   - needs: What else it touches.
    public init(name: String, version: String, description: String = "", kinds: [String] = [], needs: [Need] = []) {
        self.name = name
        self.version = version
        self.description = description
        self.kinds = kinds
        self.needs = needs
    }
}

/// What is to become of an object after a reconcile.
public struct Answer: Sendable {
    enum Kind: Sendable {
        case done
        case again(milliseconds: UInt64)
        case later
    }

    let kind: Kind

    /// Nothing until it changes.
    public static let done = Answer(kind: .done)

    /// Look again after a while.
    public static func again(after delay: Duration) -> Answer {
        let (seconds, attoseconds) = delay.components
        let milliseconds = seconds.multipliedReportingOverflow(by: 1_000)
        guard !milliseconds.overflow, milliseconds.partialValue >= 0 else { return .done }
        let rounded = UInt64(milliseconds.partialValue) + UInt64(max(0, attoseconds) / 1_000_000_000_000_000)
        // At least one: 0 means "when it changes".
        return Answer(kind: .again(milliseconds: max(1, rounded)))
    }

    /// The answer comes later, from any thread, through `request.completion`.
    public static let later = Answer(kind: .later)
}

/// A failure that trying again does not mend.
public struct TerminalFailure: Error, CustomStringConvertible {
    /// What is wrong.
    public var description: String

    /// A failure, in a sentence.
    public init(_ description: String) {
        self.description = description
    }
}
