/// Runs files of cases and tells where the first of their steps differs.
struct CaseRunner {
    /// When two outputs are the same.
    enum Matching {
        /// In canonical form: the order of messages to different destinations does not count.
        case canonical
        /// Letter by letter.
        case exact
    }

    /// Whether the nodes' states count.
    enum States {
        case ignored
        case compared
    }

    enum Outcome: Equatable {
        case passed
        /// With a report of several lines.
        case failed(String)
    }

    private let matching: Matching
    private let states: States

    init(matching: Matching, states: States) {
        self.matching = matching
        self.states = states
    }

    func run(_ path: String) -> Outcome {
        let file: CaseFile
        do {
            file = try CaseFile(path: path)
        } catch {
            return .failed("  \(path) \(error)")
        }
        return run(file).map { .failed($0.report(file: path)) } ?? .passed
    }

    /// The first step that differs; nil where none does.
    func run(_ file: CaseFile) -> Difference? {
        switch file.kind {
        case .interaction, .extra, .random: runCluster(file)
        case .quorum: runQuorum(file)
        case .confchange: runConfiguration(file)
        }
    }

    // MARK: Kinds

    private func runCluster(_ file: CaseFile) -> Difference? {
        var world = World()
        // Files may come without states.
        let comparesStates = states == .compared && file.steps.contains { $0.after != nil }
        var expectedStates = ExpectedStates()
        for (place, step) in file.steps.enumerated() {
            let output = world.run(step.parsedDirective, input: step.input ?? "")
            var differences = difference("output", expected: step.expectedText, got: output.printed)
            if let unmuted = step.unmuted {
                differences += difference("output, had it not been muted", expected: unmuted, got: output.unmuted)
            }
            if comparesStates {
                expectedStates.note(step.after ?? [])
                differences += expectedStates.differences(from: world.stateLines)
            }
            if !differences.isEmpty { return Difference(place: place, step: step, parts: differences) }
        }
        return nil
    }

    private func runQuorum(_ file: CaseFile) -> Difference? {
        // Without a result it tells of arguments that do not fit together, which this runner does not read.
        for (place, step) in file.steps.enumerated() {
            guard let result = step.result else { continue }
            var parts: [Difference.Part] = []
            do {
                let outcome = try QuorumCases.run(step)
                if outcome.result != result {
                    let (expected, got) = (result.description, outcome.result.description)
                    parts.append(Difference.Part(what: "result", expected: expected, got: got))
                }
                parts += difference("output", expected: step.expectedText, got: outcome.printed)
            } catch {
                parts = [Difference.Part(what: "result", expected: result.description, got: error.text)]
            }
            if !parts.isEmpty { return Difference(place: place, step: step, parts: parts) }
        }
        return nil
    }

    private func runConfiguration(_ file: CaseFile) -> Difference? {
        var cases = ConfigurationCases()
        for (place, step) in file.steps.enumerated() {
            let parts = difference("output", expected: step.expectedText, got: cases.run(step))
            if !parts.isEmpty { return Difference(place: place, step: step, parts: parts) }
        }
        return nil
    }

    // MARK: Comparing

    private func difference(_ what: String, expected: String, got: String) -> [Difference.Part] {
        if expected == got { return [] }
        switch matching {
        case .exact:
            return [Difference.Part(what: what, expected: expected, got: got)]
        case .canonical:
            let (canonicalExpected, canonicalGot) = (canonicalForm(expected), canonicalForm(got))
            if canonicalExpected == canonicalGot { return [] }
            var part = Difference.Part(what: what, expected: expected, got: got)
            part.canonicalExpected = canonicalExpected
            part.canonicalGot = canonicalGot
            return [part]
        }
    }
}

/// What is known of every node's state from the lines of those that changed.
private struct ExpectedStates {
    /// By node; nil where no line has come yet.
    private var lines: [String?] = []

    /// Takes in the lines of one step.
    mutating func note(_ changed: [String]) {
        for line in changed {
            guard let number = Int(line.prefix { $0 != ":" }), number > 0 else { continue }
            while lines.count < number { lines.append(nil) }
            lines[number - 1] = line
        }
    }

    func differences(from states: [String]) -> [Difference.Part] {
        (0..<max(lines.count, states.count)).compactMap { place in
            let expected = lines.indices.contains(place) ? lines[place] : nil
            let got = states.indices.contains(place) ? states[place] : nil
            guard expected != got else { return nil }
            return Difference.Part(
                what: "state of node \(place + 1)", expected: expected ?? "no such node", got: got ?? "no such node")
        }
    }
}
