internal import FoundationEssentials
internal import WeirPluginABI

/// What a plugin may call. From any thread that may block, until `stop` has returned.
///
/// Calls block until the answer is there, and throw `HostError`. From a Swift task they throw `wrongThread`: the few
/// threads of tasks carry the node too.
public struct Host: Sendable {
    let table: HostTable

    /// Objects, each call being an operation of its own: refused while the node drains.
    public var objects: Objects { Objects(table: table, operation: 0) }

    /// Records, each call being an operation of its own: refused while the node drains.
    public var records: Records { Records(table: table, operation: 0) }

    /// Logs a line under the plugin's name.
    public func log(_ level: LogLevel, _ message: String) {
        _ = Lent.bytes(message) { table.pointee.log(table.host, level.rawValue, $0) }
    }

    /// The plugin's own configuration, `[plugins.config]`.
    public func configuration<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
        try JSON.decode(type, try table.result { table.pointee.config(table.host, $0) })
    }

    /// Begins a unit of the plugin's own work: counted, and waited for by a drain until it is ended.
    public func begin(_ name: String) throws -> Work {
        var operation: weir_handle = 0
        try table.check(Lent.bytes(name) { table.pointee.work_begin(table.host, $0, &operation) })
        return Work(table: table, operation: operation)
    }

    /// Runs `body` as a unit of the plugin's own work.
    public func track<Value>(_ name: String, _ body: (Work) throws -> Value) throws -> Value {
        let work = try begin(name)
        do {
            let value = try body(work)
            work.end(.succeeded)
            return value
        } catch {
            work.end(.failed)
            throw error
        }
    }
}

/// How important a line of the log is.
public enum LogLevel: Int32, Sendable {
    /// For whoever looks for a fault.
    case debug = 0
    /// What happens.
    case info = 1
    /// What an operator wants to know.
    case notice = 2
    /// What an operator should look at.
    case warning = 3
    /// What failed.
    case error = 4
}

/// A unit of work: a reconcile, or what the plugin began. What is called under it is let in while the node drains.
public struct Work: Sendable {
    let table: HostTable
    let operation: UInt64

    /// How it ended.
    public enum Outcome: UInt32, Sendable {
        /// It did what it should.
        case succeeded = 0
        /// It failed.
        case failed = 1
        /// It was given up.
        case cancelled = 2
    }

    /// Objects, as part of the work.
    public var objects: Objects { Objects(table: table, operation: operation) }

    /// Records, as part of the work.
    public var records: Records { Records(table: table, operation: operation) }

    /// Whether it should be given up: a deadline passed.
    public var isCancelled: Bool { table.pointee.work_check(table.host, operation) != WEIR_OK }

    /// Begins a unit that this one is the cause of: let in while the node drains.
    public func fork(_ name: String) throws -> Work {
        var forked: weir_handle = 0
        try table.check(Lent.bytes(name) { table.pointee.work_fork(table.host, operation, $0, &forked) })
        return Work(table: table, operation: forked)
    }

    /// Ends it; the second time, and of a reconcile, it does nothing.
    public func end(_ outcome: Outcome) {
        _ = table.pointee.work_end(table.host, operation, outcome.rawValue)
    }
}

/// A host function did not do what it was asked to.
public struct HostError: Error, Hashable, CustomStringConvertible {
    /// The codes of weir_plugin.h.
    public struct Code: Sendable, Hashable {
        /// The number.
        public let rawValue: Int32
        /// It failed.
        public static let failed = Code(rawValue: WEIR_FAILED)
        /// An argument makes no sense.
        public static let badArgument = Code(rawValue: WEIR_BAD_ARGUMENT)
        /// The work has ended.
        public static let badHandle = Code(rawValue: WEIR_BAD_HANDLE)
        /// The plugin was stopped.
        public static let stopped = Code(rawValue: WEIR_STOPPED)
        /// The node drains.
        public static let draining = Code(rawValue: WEIR_DRAINING)
        /// The configuration does not grant it.
        public static let forbidden = Code(rawValue: WEIR_FORBIDDEN)
        /// The call came from a task.
        public static let wrongThread = Code(rawValue: WEIR_WRONG_THREAD)
        /// Too much is open.
        public static let overLimit = Code(rawValue: WEIR_OVER_LIMIT)
        /// The work was cancelled.
        public static let cancelled = Code(rawValue: WEIR_CANCELLED)
        /// The host cannot do that.
        public static let unsupported = Code(rawValue: WEIR_UNSUPPORTED)
        /// There is none of that name.
        public static let notFound = Code(rawValue: WEIR_NOT_FOUND)
        /// There is one of that name.
        public static let alreadyExists = Code(rawValue: WEIR_ALREADY_EXISTS)
        /// It was changed meanwhile.
        public static let conflict = Code(rawValue: WEIR_CONFLICT)
        /// It is not what its kind wants.
        public static let invalid = Code(rawValue: WEIR_INVALID)
        /// The version or offset is too old.
        public static let expired = Code(rawValue: WEIR_EXPIRED)
        /// It cannot serve now.
        public static let unavailable = Code(rawValue: WEIR_UNAVAILABLE)
    }

    /// The code.
    public var code: Code
    /// A sentence; empty where the host gave none.
    public var message: String

    /// The sentence.
    public var description: String { message.isEmpty ? "the host refused: code \(code.rawValue)" : message }
}
