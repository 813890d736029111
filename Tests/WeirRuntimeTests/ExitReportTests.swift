import Testing

@testable import WeirRuntime

@Suite("The exit report")
struct ExitReportTests {
    @Test("has exactly the members of its shape, in their order")
    func shape() {
        let report = ExitReport(
            verdict: .abandoned, exitCode: 75, signal: "SIGTERM", duration: .microseconds(12_500),
            stages: [ExitReport.StageReport(.handOver, duration: .milliseconds(3), outcome: .ok)],
            components: [
                ExitReport.ComponentReport(
                    name: "kafka/a\"b\\c\n\u{1}-0",
                    counts: WorkCounts(
                        inFlight: 0, peak: 7, started: 10, succeeded: 6, failed: 1, cancelled: 2, abandoned: 1,
                        rejected: ["readOnly": 2, "draining": 1], sessions: 4, loops: 5),
                    drain: .milliseconds(1_000),
                    slowest: [
                        RunningOperation(name: "produce", key: "ä-0", age: .seconds(2), phase: nil),
                        RunningOperation(name: "fetch", key: "", age: .zero, phase: "waiting"),
                    ])
            ])
        #expect(
            report.json == #"{"verdict":"abandoned","exitCode":75,"signal":"SIGTERM","durationMs":13,"#
                + #""stages":[{"name":"hand-over","durationMs":3,"outcome":"ok"}],"#
                + #""components":[{"name":"kafka/a\"b\\c\n\u0001-0","inFlight":0,"peak":7,"started":10,"#
                + #""succeeded":6,"failed":1,"cancelled":2,"abandoned":1,"rejected":{"draining":1,"readOnly":2},"#
                + #""sessions":4,"loops":5,"drainMs":1000,"slowest":["#
                + #"{"name":"produce","key":"ä-0","ageMs":2000,"phase":null},"#
                + #"{"name":"fetch","key":"","ageMs":0,"phase":"waiting"}]}]}"# + "\n")
    }

    @Test("a report without a signal and without components is still an object of all members")
    func empty() {
        let report = ExitReport(
            verdict: .clean, exitCode: 0, signal: nil, duration: .zero, stages: [], components: [])
        #expect(
            report.json
                == #"{"verdict":"clean","exitCode":0,"signal":null,"durationMs":0,"stages":[],"components":[]}"# + "\n")
    }
}
