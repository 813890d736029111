/// What a command prints, line by line.
struct Transcript {
    private(set) var lines: [String] = []

    /// Adds a text of one or more lines.
    mutating func print(_ text: String) {
        lines += text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// Adds what `body` prints, two spaces deeper.
    mutating func indented(_ body: (inout Transcript) throws(CommandFailure) -> Void) throws(CommandFailure) {
        var inner = Transcript()
        defer { lines += inner.lines.map { "  " + $0 } }
        try body(&inner)
    }
}
