import ArgumentParser

/// `weir log`: looks at the files of a log.
struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Looks at log files, without a node.", subcommands: [LogDumpCommand.self])
}
