import ArgumentParser

/// `weir settings`: every setting, its default, its meaning.
struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: "Lists every setting of `weir serve` with its default.")

    @Flag(help: "Print docs/configuration.md.")
    var markdown = false

    @OptionGroup var output: OutputOptions

    /// One setting, as it is printed.
    private struct Row: Encodable {
        var key: String
        var environment: String
        var `default`: String?
        var help: String
    }

    func run() throws {
        if markdown {
            StandardOutput.print(ConfigurationPage.text, terminator: "")
            return
        }
        let rows = Setting.all.map {
            Row(key: $0.key, environment: $0.environmentName, default: $0.standard, help: $0.help)
        }
        try output.print(rows) { rows in
            Table(headings: ["SETTING", "DEFAULT", "MEANING"], rows: rows.map { [$0.key, $0.default ?? "", $0.help] })
        }
    }
}

/// docs/configuration.md, made from the settings that the program has.
enum ConfigurationPage {
    static var text: String {
        """
        # Configuration

        `weir serve` reads a TOML file (`--config FILE`), then the environment, then flags; a later place wins.
        A setting `a.b-c` is `b-c` in the table `[a]` of the file, `WEIR_A_B_C` in the environment, and
        `--set a.b-c=VALUE` among the flags. An unknown setting is an error that names the nearest known one.

        Kafka's broker settings keep their own names under `kafka.`. In the file they are quoted keys of `[kafka]`:

        ```toml
        data-dir = "/var/lib/weir"

        [http]
        port = 8080

        [kafka]
        "num.partitions" = 3
        "listeners" = "PLAINTEXT://127.0.0.1:9092"
        ```

        Plugins are tables of their own, `[[plugins]]`: [plugins.md](plugins.md) has their keys.

        Times are written `250ms`, `10s`, `2m`, `1h`; Kafka's settings count milliseconds, as their names say.
        `make docs` writes this page from the settings that the program has; `weir settings` prints the same list.

        ## The node

        \(table(Setting.own))

        ## The broker

        \(table(Setting.kafka))

        """
    }

    private static func table(_ settings: [Setting]) -> String {
        let rows = settings.map { setting in
            "| `\(setting.key)` | \(setting.standard.map { $0.isEmpty ? "empty" : "`\($0)`" } ?? "none") | \(setting.help) |"
        }
        return (["| setting | default | meaning |", "| --- | --- | --- |"] + rows).joined(separator: "\n")
    }
}
