import FoundationEssentials

/// Fills a script of directives in with what this library prints: a draft, to be argued line by line before it is kept.
enum Recorder {
    static func record(_ path: String) throws {
        let file = try CaseFile(path: path)
        let steps: [String]
        switch file.kind {
        case .interaction, .extra, .random: steps = try clusterSteps(file)
        case .confchange: steps = try configurationSteps(file)
        case .quorum: throw CaseFileError("\(path): quorum cases are written by hand")
        }
        let head: [(String, String?)] = [
            ("source", try file.source.map(json)), ("file", try file.file.map(json)),
            ("kind", try json(file.kind.rawValue)), ("feature", try file.feature.map(json)),
        ]
        let fields = head.compactMap { name, value in value.map { "\"\(name)\": \($0)" } }
        let text =
            "{\n  " + fields.joined(separator: ",\n  ") + ",\n  \"steps\": [\n"
            + steps.map { "    \($0)" }.joined(separator: ",\n") + "\n  ]\n}\n"
        try Data(text.utf8).write(to: URL(filePath: path))
    }

    private static func clusterSteps(_ file: CaseFile) throws -> [String] {
        var world = World()
        var states: [String] = []
        return try file.steps.enumerated().map { place, step in
            let output = world.run(step.parsedDirective, input: step.input ?? "")
            let after = world.stateLines.enumerated().filter { place, line in
                !states.indices.contains(place) || states[place] != line
            }
            states = world.stateLines
            // What is muted is setup: its states are kept, its output would be an expectation that nobody argued.
            return try object(
                [
                    ("muted", output.printed != output.unmuted ? "true" : nil),
                    ("expected", try json(output.printed)),
                    ("after", after.isEmpty ? nil : try list(after.map { $0.element })),
                ], of: step, place)
        }
    }

    private static func configurationSteps(_ file: CaseFile) throws -> [String] {
        var cases = ConfigurationCases()
        return try file.steps.enumerated().map { place, step in
            try object(
                [
                    ("last_index", step.lastIndex.map { String($0) }), ("expected", try json(cases.run(step))),
                ], of: step, place)
        }
    }

    private static func object(_ recorded: [(String, String?)], of step: CaseStep, _ place: Int) throws -> String {
        let directive = step.parsedDirective
        let given: [(String, String?)] = [
            ("line", String(place + 1)), ("note", try step.note.map(json)),
            ("directive", try json(step.directive)), ("cmd", try json(directive.command)),
            ("args", directive.arguments.isEmpty ? nil : try json(directive.arguments)),
            ("input", try step.input.map(json)),
        ]
        let fields = (given + recorded).compactMap { name, value in value.map { "\"\(name)\": \($0)" } }
        return "{\n      " + fields.joined(separator: ",\n      ") + "\n    }"
    }

    private static func list(_ texts: [String]) throws -> String {
        "[\n        " + (try texts.map(json)).joined(separator: ",\n        ") + "\n      ]"
    }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
