import ArgumentParser
import FoundationEssentials

@main
struct WeirKafkaMessages: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weir-kafka-messages",
        abstract: "Writes Swift for Kafka's message definitions.",
        subcommands: [Generate.self])
}

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes the Swift files of all messages, and removes files that have no message any more.")

    @Option(help: "A folder of definitions (*.json); may be given several times.")
    var definitions: [String]

    @Option(help: "The folder that the library's files go to.")
    var output: String

    @Option(help: "The folder that the tests' table of schemas goes to.")
    var testOutput: String = "Tests/KafkaWireTests/Generated"

    func run() throws {
        let generated = try Generator.generate(definitions: try readDefinitions(folders: definitions))
        try replace(folder: output, with: generated.library)
        try replace(folder: testOutput, with: [generated.tests])
        print("wrote \(generated.library.count) files to \(output) and 1 to \(testOutput)")
    }

    private func replace(folder: String, with files: [Generator.File]) throws {
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let names = Set(files.map { $0.name })
        for name in try manager.contentsOfDirectory(atPath: folder) where name.hasSuffix(".swift") {
            if !names.contains(name) { try manager.removeItem(atPath: folder + "/" + name) }
        }
        for file in files {
            let path = folder + "/" + file.name
            let bytes = Data(file.text.utf8)
            // An unchanged file keeps its date, and with it what was compiled from it.
            if let old = manager.contents(atPath: path), old == bytes { continue }
            try bytes.write(to: URL(filePath: path))
        }
    }
}

/// The texts of all definitions in `folders` by message name; a later folder wins.
package func readDefinitions(folders: [String]) throws -> [String: String] {
    var texts: [String: String] = [:]
    for folder in folders {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".json") {
            guard let bytes = FileManager.default.contents(atPath: folder + "/" + name) else { continue }
            texts[String(name.dropLast(".json".count))] = String(decoding: bytes, as: UTF8.self)
        }
    }
    return texts
}
