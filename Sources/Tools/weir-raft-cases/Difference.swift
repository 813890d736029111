/// Where a file's cases fail first: the step, and everything that differs in it.
struct Difference: Equatable {
    /// One thing that differs.
    struct Part: Equatable {
        var what: String
        var expected: String
        var got: String
        /// What was compared, in canonical mode.
        var canonicalExpected: String?
        var canonicalGot: String?
    }

    /// The number of the step, from 1.
    let stepNumber: Int
    let directive: String
    let note: String?
    let line: Int?
    let parts: [Part]

    init(place: Int, step: CaseStep, parts: [Part]) {
        stepNumber = place + 1
        directive = step.directive
        note = step.note
        line = step.line
        self.parts = parts
    }

    /// For people: all of it.
    func report(file: String) -> String {
        var lines = ["  step \(stepNumber)\(line.map { ", line \($0)" } ?? "") of \(file): \(directive)"]
        if let note { lines += indented(note, by: "    # ") }
        for part in parts {
            lines.append("  \(part.what), expected:")
            lines += indented(part.expected, by: "    ")
            lines.append("  \(part.what), got:")
            lines += indented(part.got, by: "    ")
            guard let expected = part.canonicalExpected, let got = part.canonicalGot else { continue }
            lines.append("  in canonical form (- expected, + got):")
            lines += differingLines(expected, got)
        }
        return lines.joined(separator: "\n")
    }

    private func indented(_ text: String, by prefix: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { prefix + $0 }
    }

    /// All lines of two texts, side by side where they agree.
    private func differingLines(_ expected: String, _ got: String) -> [String] {
        let expectedLines = expected.split(separator: "\n", omittingEmptySubsequences: false)
        let gotLines = got.split(separator: "\n", omittingEmptySubsequences: false)
        let changes = gotLines.difference(from: expectedLines)
        var removed = Array(repeating: false, count: expectedLines.count)
        var inserted = Array(repeating: false, count: gotLines.count)
        for change in changes {
            switch change {
            case .remove(let offset, _, _): removed[offset] = true
            case .insert(let offset, _, _): inserted[offset] = true
            }
        }
        var result: [String] = []
        var (left, right) = (0, 0)
        while left < expectedLines.count || right < gotLines.count {
            if left < expectedLines.count, removed[left] {
                result.append("    - \(expectedLines[left])")
                left += 1
            } else if right < gotLines.count, inserted[right] {
                result.append("    + \(gotLines[right])")
                right += 1
            } else {
                result.append("      \(expectedLines[left])")
                left += 1
                right += 1
            }
        }
        return result
    }
}
