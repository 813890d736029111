import ArgumentParser
import FoundationEssentials
import Yams

/// How a command prints what it found.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case table
    case json
    case yaml
}

/// The flag that every command with an answer has.
struct OutputOptions: ParsableArguments {
    @Option(name: [.customShort("o"), .customLong("output")], help: "table, json or yaml.")
    var format = OutputFormat.table

    /// Prints `value`: as it is in JSON or YAML, or through `table`.
    func print<Value: Encodable>(_ value: Value, table: (Value) -> Table) throws {
        switch format {
        case .table: StandardOutput.print(table(value).text)
        case .json: StandardOutput.print(try Self.json(value))
        case .yaml: StandardOutput.print(try YAMLEncoder().encode(value), terminator: "")
        }
    }

    /// Prints one of a series of values: a fresh screen, a line of JSON, a YAML document.
    func printNext<Value: Encodable>(_ value: Value, table: (Value) -> Table) throws {
        switch format {
        case .table:
            // Home, and clear to the end; only where a person looks at it.
            StandardOutput.print((StandardOutput.isTerminal ? "\u{1B}[H\u{1B}[2J" : "") + table(value).text)
        case .json:
            StandardOutput.write(try Self.line(value))
            StandardOutput.print("")
        case .yaml:
            StandardOutput.print("---\n" + (try YAMLEncoder().encode(value)), terminator: "")
        }
        StandardOutput.flush()
    }

    /// The value as JSON on one line, without a line end.
    static func line(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// Rows under headings, the columns as wide as their widest cell.
struct Table {
    var headings: [String]
    var rows: [[String]]
    /// Columns of numbers, by index: aligned to the right.
    var numeric: Set<Int> = []

    /// No column is narrower; for tables that go on below earlier lines.
    var minimumWidths: [Int] = []

    /// How wide the columns are.
    var widths: [Int] {
        headings.indices.map { column in
            let widest = ([headings] + rows).map { $0[column].printable.count }.max() ?? 0
            return max(widest, minimumWidths.indices.contains(column) ? minimumWidths[column] : 0)
        }
    }

    /// The lines, without a line end after the last.
    var text: String {
        let widths = self.widths
        return ([headings] + rows).map { cells in
            let padded = cells.map(\.printable).enumerated().map { column, cell in
                let blanks = String(repeating: " ", count: widths[column] - cell.count)
                return numeric.contains(column) ? blanks + cell : cell + blanks
            }
            var line = padded.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}

extension String {
    /// The text with its control characters written out: what others named must not steer the terminal.
    var printable: String {
        guard unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            let isControl = scalar.properties.generalCategory == .control
            text += isControl ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
    }
}
