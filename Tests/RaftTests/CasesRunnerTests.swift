import FoundationEssentials
import Testing

@testable import weir_raft_cases

@Suite("The runner of cases")
struct CasesRunnerTests {
    private func file(_ json: String) throws -> CaseFile {
        try JSONDecoder().decode(CaseFile.self, from: Data(json.utf8))
    }

    /// Three nodes elect node 1; the last step's expectation is as given.
    private func election(expected: String, after: [String]? = nil, unmuted: String? = nil) throws -> CaseFile {
        var file = try file(
            """
            {"kind": "extra", "steps": [
              {"directive": "add-nodes 3 voters=(1,2,3) index=10", "expected": "ok", "line": 1},
              {"directive": "campaign 1", "expected": "ok", "line": 5},
              {"directive": "process-ready 1", "line": 9}
            ]}
            """)
        file.steps[2].expected = expected
        file.steps[2].after = after
        file.steps[2].unmuted = unmuted
        return file
    }

    private let ready = """
        Ready MustSync=true:
        Lead:0 State:StateCandidate
        HardState Term:1 Vote:1 Commit:10
        Messages:
        1->2 MsgVote Term:1 Log:1/10
        1->3 MsgVote Term:1 Log:1/10
        """
    private let readyInOtherOrder = """
        Ready MustSync=true:
        Lead:0 State:StateCandidate
        HardState Term:1 Vote:1 Commit:10
        Messages:
        1->3 MsgVote Term:1 Log:1/10
        1->2 MsgVote Term:1 Log:1/10
        """

    @Test("what is printed as expected passes in every mode")
    func passes() throws {
        let file = try election(expected: ready)
        #expect(CaseRunner(matching: .canonical, states: .ignored).run(file) == nil)
        #expect(CaseRunner(matching: .exact, states: .compared).run(file) == nil)
    }

    @Test("the order of messages to different nodes counts in exact mode only")
    func order() throws {
        let file = try election(expected: readyInOtherOrder)
        #expect(CaseRunner(matching: .canonical, states: .ignored).run(file) == nil)
        let difference = try #require(CaseRunner(matching: .exact, states: .ignored).run(file))
        #expect(difference.stepNumber == 3)
        #expect(difference.line == 9)
        #expect(difference.directive == "process-ready 1")
        #expect(difference.parts.map(\.what) == ["output"])
        #expect(difference.parts[0].canonicalExpected == nil)
    }

    @Test("a report tells the step, both outputs, and in canonical form the lines that differ")
    func report() throws {
        let wrong = ready.replacing("1->3 MsgVote Term:1", with: "1->3 MsgVote Term:2")
        let difference = CaseRunner(matching: .canonical, states: .ignored).run(try election(expected: wrong))
        let report = try #require(difference).report(file: "x.json")
        #expect(report.hasPrefix("  step 3, line 9 of x.json: process-ready 1\n  output, expected:\n"))
        #expect(report.contains("\n    - 1->3 MsgVote Term:2 Log:1/10\n    + 1->3 MsgVote Term:1 Log:1/10"))
        #expect(report.contains("\n      1->2 MsgVote Term:1 Log:1/10\n"))
    }

    @Test("a wrong state fails only where states are compared, and so does one that is missing")
    func states() throws {
        func state(_ node: Int) -> String {
            node == 1
                ? "1: StateCandidate Term:1 Vote:1 Lead:0 Commit:10 Applied:10 Log:11..1/10 Config:voters=(1 2 3)"
                : "\(node): StateFollower Term:0 Vote:0 Lead:0 Commit:10 Applied:10 Log:11..1/10 Config:voters=(1 2 3)"
        }
        // Every step of a file with states has all of them: here the nodes begin without a line.
        var right = try election(expected: ready)
        right.steps[0].after = (1...3).map {
            state($0).replacing("StateCandidate Term:1 Vote:1", with: "StateFollower Term:0 Vote:0")
        }
        right.steps[1].after = [state(1)]
        #expect(CaseRunner(matching: .canonical, states: .compared).run(right) == nil)

        var wrong = right
        wrong.steps[1].after = [state(1).replacing("Vote:1", with: "Vote:2")]
        #expect(CaseRunner(matching: .canonical, states: .ignored).run(wrong) == nil)
        let difference = try #require(CaseRunner(matching: .canonical, states: .compared).run(wrong))
        #expect(difference.stepNumber == 2)
        #expect(difference.parts.map(\.what) == ["state of node 1"])
        #expect(difference.parts[0].got == state(1))

        var missing = right
        missing.steps[1].after = nil
        #expect(CaseRunner(matching: .canonical, states: .compared).run(missing)?.stepNumber == 2)
    }

    @Test("what a muted step would have printed is compared where the file has it")
    func unmuted() throws {
        var file = try election(expected: "ok", unmuted: ready)
        file.steps.insert(try self.file(mute).steps[0], at: 0)
        let runner = CaseRunner(matching: .canonical, states: .ignored)
        #expect(runner.run(file) == nil)
        file.steps[3].unmuted = "ok"
        #expect(runner.run(file)?.parts.map(\.what) == ["output, had it not been muted"])
    }

    private let mute = #"{"kind": "extra", "steps": [{"directive": "log-level none", "expected": "ok"}]}"#

    @Test(
        "a quorum step fails by its result and by its drawing",
        arguments: [
            ("101", "100", ["result"]), ("100", "101", ["output"]), ("100", "100", []),
        ])
    func quorum(result: String, drawn: String, differing: [String]) throws {
        let file = try file(
            """
            {"kind": "quorum", "steps": [
              {"directive": "committed cfg=(1,2) idx=(_)", "expected": "error: mismatched input"},
              {"directive": "committed", "cmd": "committed", "cfg": [1, 2, 3], "acked": {"1": 100, "2": 101},
               "result": \(result),
               "expected": "       idx\\nx>     100    (id=1)\\nxx>    101    (id=2)\\n?        0    (id=3)\\n\(drawn)"}
            ]}
            """)
        let difference = CaseRunner(matching: .exact, states: .ignored).run(file)
        #expect((difference?.parts.map(\.what) ?? []) == differing)
    }

    @Test("nobody's quorum decides everything, and an infinite result is a word")
    func emptyQuorum() throws {
        let file = try file(
            """
            {"kind": "quorum", "steps": [
              {"directive": "committed", "expected": "<empty majority quorum>∞", "result": "infinity", "cfg": []},
              {"directive": "vote", "expected": "VoteWon", "result": "VoteWon", "cfg": [], "cfgj": []}
            ]}
            """)
        #expect(CaseRunner(matching: .exact, states: .ignored).run(file) == nil)
    }

    @Test("a membership change that is refused leaves the membership of the steps before")
    func configurations() throws {
        let file = try file(
            """
            {"kind": "confchange", "steps": [
              {"directive": "simple", "input": "v1", "last_index": 0,
               "expected": "voters=(1)\\n1: StateProbe match=0 next=1"},
              {"directive": "simple", "input": "v2 v3", "last_index": 1,
               "expected": "more than one voter changed without entering joint config"},
              {"directive": "enter-joint autoleave=true", "input": "r1 v2 l3", "last_index": 9,
               "expected": "voters=(2)&&(1) learners=(3) autoleave\\n1: StateProbe match=0 next=1\\n\
            2: StateProbe match=0 next=9\\n3: StateProbe match=0 next=9 learner"},
              {"directive": "leave", "expected": "unknown command"}
            ]}
            """)
        #expect(CaseRunner(matching: .exact, states: .ignored).run(file) == nil)
    }

    @Test("a file that is no case fails with a reason, and does not stop the run")
    func malformed() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "weir-no-case-\(UUID()).json").path
        try Data(#"{"kind": "extra", "steps": [{"cmd": "stabilize"}]}"#.utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let runner = CaseRunner(matching: .canonical, states: .ignored)
        guard case .failed(let report) = runner.run(path) else {
            Issue.record("a step without a directive passes")
            return
        }
        #expect(report.contains(#"steps[0]: "directive" is missing"#))
        #expect(runner.run("/no/such.json") != .passed)
        #expect(throws: CaseFileError.self) { try caseFiles("/no/such/folder") }
    }
}
