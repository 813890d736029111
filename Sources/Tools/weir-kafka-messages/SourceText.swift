/// Swift source under construction, a line at a time.
struct SourceText {
    private(set) var text = ""
    private var depth = 0

    mutating func line(_ line: String = "") {
        if !line.isEmpty { text += String(repeating: "    ", count: depth) + line }
        text += "\n"
    }

    /// A line that opens a brace, what is inside, and the closing brace.
    mutating func block(
        _ opening: String, _ body: (inout SourceText) throws(DefinitionError) -> Void
    ) throws(DefinitionError) {
        line(opening + " {")
        try indented(body)
        line("}")
    }

    /// Another branch behind the block just written.
    mutating func continueBlock(_ opening: String, _ statement: String) {
        precondition(text.hasSuffix("}\n"), "a branch follows a block")
        text.removeLast()
        text += " \(opening) {\n"
        depth += 1
        line(statement)
        depth -= 1
        line("}")
    }

    /// The lines of `body`, one step further in.
    mutating func indented(
        _ body: (inout SourceText) throws(DefinitionError) -> Void
    ) throws(DefinitionError) {
        depth += 1
        try body(&self)
        depth -= 1
    }

    /// The lines of `body`, under a condition when there is one.
    mutating func block(
        if condition: String?, _ body: (inout SourceText) throws(DefinitionError) -> Void
    ) throws(DefinitionError) {
        guard let condition else { return try body(&self) }
        try block("if \(condition)", body)
    }
}
