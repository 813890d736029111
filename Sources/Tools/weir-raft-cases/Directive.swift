/// A command line: its first word, and the words that follow.
struct Directive: Equatable {
    /// `key`, or `key=value`, or `key=(v1, v2, ...)`.
    struct Argument: Codable, Equatable {
        var key: String
        var values: [String]

        private enum CodingKeys: String, CodingKey {
            case key
            case values = "vals"
        }
    }

    var command: String
    var arguments: [Argument]

    init(command: String, arguments: [Argument]) {
        self.command = command
        self.arguments = arguments
    }

    /// Reads a line of words; a space within parentheses does not end one.
    init(_ line: String) {
        var words: [Substring] = []
        var rest = line[...]
        while let start = rest.firstIndex(where: { $0 != " " }) {
            rest = rest[start...]
            var end = rest.firstIndex(of: " ") ?? rest.endIndex
            if let open = rest.firstRange(of: "=(")?.lowerBound, open < end,
                let close = rest[open...].firstIndex(of: ")")
            {
                end = rest.index(after: close)
            }
            words.append(rest[..<end])
            rest = rest[end...]
        }
        command = words.first.map(String.init) ?? ""
        arguments = words.dropFirst().map(Argument.init)
    }

    // MARK: Words

    /// The first word behind the command, or a failure that says what is missing.
    func text(at place: Int, _ what: String) throws(CommandFailure) -> String {
        guard arguments.indices.contains(place) else { throw CommandFailure("\(command) needs \(what)") }
        return arguments[place].key
    }

    func number(at place: Int, _ what: String) throws(CommandFailure) -> Int {
        try number(text(at: place, what), what)
    }

    /// The words without a value, as nodes.
    func nodeNumbers() throws(CommandFailure) -> [Int] {
        var numbers: [Int] = []
        for argument in arguments where argument.values.isEmpty { numbers.append(try number(argument.key, "a node")) }
        return numbers
    }

    /// The value of the last word with that key; nil without one.
    func value(_ key: String) -> String? {
        arguments.last { $0.key == key && !$0.values.isEmpty }?.values.last
    }

    func values(_ key: String) -> [String] {
        arguments.filter { $0.key == key }.flatMap(\.values)
    }

    func number(_ text: String, _ what: String) throws(CommandFailure) -> Int {
        guard let number = Int(text) else { throw CommandFailure("\(command): \(text) is not \(what)") }
        return number
    }
}

extension Directive.Argument {
    /// Reads one word.
    fileprivate init(_ word: Substring) {
        guard let equals = word.firstIndex(of: "=") else {
            self.init(key: String(word), values: [])
            return
        }
        let value = word[word.index(after: equals)...]
        let values: [Substring]
        if value.hasPrefix("("), value.hasSuffix(")") {
            let inner = value.dropFirst().dropLast()
            values = inner.split(separator: ",", omittingEmptySubsequences: false).map {
                $0.trimmingPrefix(while: { $0 == " " })
            }
        } else {
            values = [value]
        }
        self.init(key: String(word[..<equals]), values: values.map(String.init))
    }
}

/// Why a command was not done: its text is what the command prints.
struct CommandFailure: Error {
    let text: String

    init(_ text: String) { self.text = text }
}
