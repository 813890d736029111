import ArgumentParser

#if Raft
import Raft
#endif

/// `weir version`: what this binary is.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

    /// The release, as in CHANGELOG.md.
    static let number = "0.1.0-dev"

    static var text: String {
        #if Raft
        let raft = RaftPlugin.summary
        #else
        let raft = "raft: not built in"
        #endif
        return "weir \(number)\n\(raft)"
    }

    func run() {
        print(Self.text)
    }
}
