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
            GroupCommand.self, TransactionCommand.self, GetCommand.self, DescribeCommand.self, ApplyCommand.self,
            DeleteCommand.self, WatchCommand.self,
            KindsCommand.self, ProduceCommand.self, ConsumeCommand.self, BenchCommand.self, LogCommand.self,
            SettingsCommand.self, PluginCommand.self,
            VersionCommand.self,
        ])

    /// Runs the command that the arguments name; every error is one line on stderr and an exit code.
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        var command: any ParsableCommand
        do {
            command = try parseAsRoot(arguments)
        } catch {
            end(with: error, arguments)
        }
        do {
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            StandardOutput.flush()
        } catch let error as UsageError {
            StandardOutput.flush()
            StandardError.write("weir: \(error.description)")
            Glibc.exit(error.code.rawValue)
        } catch  where exitCode(for: error) == .success {
            // Help, or the version.
            exit(withError: error)
        } catch {
            StandardError.write("weir: \(error)")
            Glibc.exit(ExitStatus.failed.rawValue)
        }
    }

    /// Ends after a call that cannot be read: help and version go to stdout, what is wrong to stderr.
    private static func end(with error: any Error, _ arguments: [String]) -> Never {
        guard exitCode(for: error) != .success else { exit(withError: error) }
        StandardError.write("weir: \(usageText(message(for: error), arguments))")
        Glibc.exit(ExitStatus.usage.rawValue)
    }

    /// What is wrong with a call, and where its help is: one line.
    static func usageText(_ message: String, _ arguments: [String]) -> String {
        var line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        if line.last == "." { line.removeLast() }
        var words = ["weir"]
        var command: any ParsableCommand.Type = Weir.self
        for argument in arguments {
            guard let next = command.configuration.subcommands.first(where: { $0._commandName == argument }) else {
                break
            }
            words.append(argument)
            command = next
        }
        return "\(line); see `\(words.joined(separator: " ")) --help`"
    }
}
