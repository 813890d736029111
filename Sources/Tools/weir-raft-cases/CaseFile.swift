import FoundationEssentials

/// One file of cases: a fresh world, and what to do in it.
struct CaseFile: Decodable {
    /// What the steps drive.
    enum Kind: String, Decodable {
        case interaction
        case extra
        case random
        case quorum
        case confchange
    }

    var kind: Kind
    var source: String?
    var file: String?
    var feature: String?
    var steps: [CaseStep]

    /// Reads a file; an error says which one, and where in it.
    init(path: String) throws(CaseFileError) {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw CaseFileError("cannot be read")
        }
        do {
            self = try JSONDecoder().decode(CaseFile.self, from: bytes)
        } catch let error as DecodingError {
            throw CaseFileError("is no case file: \(describe(error))")
        } catch {
            throw CaseFileError("is no case file: \(error)")
        }
    }
}

/// One command, and what it must print. What is absent in the file is empty here.
struct CaseStep: Decodable {
    var directive: String
    var command: String?
    var arguments: [Directive.Argument]?
    var input: String?
    /// What must be printed; nil only in scripts that are yet to be recorded.
    var expected: String?
    var isMuted: Bool?
    var unmuted: String?
    var after: [String]?
    var note: String?
    var line: Int?

    /// Of quorum cases: the voters, and those of the other half.
    var incoming: [UInt64]?
    var outgoing: [UInt64]?
    var acknowledged: [String: UInt64]?
    var votes: [String: Bool]?
    var result: QuorumResult?

    /// Of configuration cases: the log's last index at that moment.
    var lastIndex: UInt64?

    private enum CodingKeys: String, CodingKey {
        case directive, input, expected, unmuted, after, note, line, votes, result
        case command = "cmd"
        case arguments = "args"
        case isMuted = "muted"
        case incoming = "cfg"
        case outgoing = "cfgj"
        case acknowledged = "acked"
        case lastIndex = "last_index"
    }

    /// The command and its words: as given, or else as the command line says.
    var parsedDirective: Directive {
        let parsed = Directive(directive)
        return Directive(command: command ?? parsed.command, arguments: arguments ?? parsed.arguments)
    }

    /// What must be printed, where it is known.
    var expectedText: String { expected ?? "ok" }
}

/// The result of a quorum case: an index, or a word.
enum QuorumResult: Decodable, Equatable, CustomStringConvertible {
    case index(UInt64)
    case word(String)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let index = try? container.decode(UInt64.self) {
            self = .index(index)
        } else {
            self = .word(try container.decode(String.self))
        }
    }

    var description: String {
        switch self {
        case .index(let index): String(index)
        case .word(let word): word
        }
    }
}

/// Why a file of cases cannot be run.
struct CaseFileError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

private func describe(_ error: DecodingError) -> String {
    let context: DecodingError.Context
    switch error {
    case .keyNotFound(let key, let found):
        return "\(place(found.codingPath))\"\(key.stringValue)\" is missing"
    case .typeMismatch(_, let found), .valueNotFound(_, let found), .dataCorrupted(let found):
        context = found
    @unknown default:
        return "\(error)"
    }
    let reason = context.underlyingError.map { ": \($0)" } ?? ""
    return place(context.codingPath) + context.debugDescription + reason
}

private func place(_ path: [any CodingKey]) -> String {
    guard !path.isEmpty else { return "" }
    return path.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined() + ": "
}
