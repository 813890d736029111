/// Why a plugin cannot be used: a code for programs, a sentence for people.
public struct PluginError: Error, Hashable, CustomStringConvertible {
    /// What went wrong.
    public struct Code: Hashable, Sendable {
        /// The code as a word.
        public let label: String
        /// There is no such file.
        public static let notFound = Code(label: "notFound")
        /// The file is no shared library for this machine, or cannot be loaded.
        public static let notALibrary = Code(label: "notALibrary")
        /// The library does not export the entry function.
        public static let missingSymbol = Code(label: "missingSymbol")
        /// Plugin and host speak different versions of the contract.
        public static let wrongABI = Code(label: "wrongABI")
        /// The plugin's manifest is wrong.
        public static let invalidManifest = Code(label: "invalidManifest")
        /// The library is written in Swift, and this host carries its Swift runtime in itself.
        public static let staticRuntime = Code(label: "staticRuntime")
        /// Two plugins want one name.
        public static let duplicateName = Code(label: "duplicateName")
        /// The node has no objects, or no records, that the plugin asks for.
        public static let missingService = Code(label: "missingService")
        /// The plugin refused to start, or a call of its life cycle failed.
        public static let callFailed = Code(label: "callFailed")
        /// A call into the plugin did not return in time.
        public static let deadlineMissed = Code(label: "deadlineMissed")
        /// The plugin was given up, or is stopped.
        public static let givenUp = Code(label: "givenUp")
    }

    /// What went wrong.
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
}
