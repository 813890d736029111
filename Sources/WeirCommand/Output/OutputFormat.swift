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
        case .table: Swift.print(table(value).text)
        case .json: Swift.print(try Self.json(value))
        case .yaml: Swift.print(try YAMLEncoder().encode(value), terminator: "")
        }
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

    /// The lines, without a line end after the last.
    var text: String {
        let widths = headings.indices.map { column in
            ([headings] + rows).map { $0[column].count }.max() ?? 0
        }
        return ([headings] + rows).map { cells in
            let padded = cells.enumerated().map { column, cell in
                let blanks = String(repeating: " ", count: widths[column] - cell.count)
                return numeric.contains(column) ? blanks + cell : cell + blanks
            }
            var line = padded.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
