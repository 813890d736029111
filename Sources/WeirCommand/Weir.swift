import ArgumentParser
import Glibc

/// The program `weir`.
@main
struct Weir: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weir",
        abstract: "Hosts components in one process, counts their work, and loses none of it when it stops.",
        discussion: """
            weir serve            runs a node: a Kafka-compatible broker on 127.0.0.1:9092, HTTP on 127.0.0.1:8080
            weir work --watch     shows what a node is doing
            weir drain            takes work away from it, without an error to anybody
            """,
        version: VersionCommand.text,
        subcommands: [
            ServeCommand.self, WorkCommand.self, DrainCommand.self, ResumeCommand.self, TopicCommand.self,
            ProduceCommand.self, ConsumeCommand.self, BenchCommand.self, LogCommand.self, SettingsCommand.self,
            VersionCommand.self,
        ])

    /// Runs the command that the arguments name; every error is one line on stderr and an exit code.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as UsageError {
            StandardError.write("weir: \(error.description)")
            Glibc.exit(error.code.rawValue)
        } catch {
            exit(withError: error)
        }
    }
}
