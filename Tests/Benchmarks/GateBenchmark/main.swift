import Glibc
import WorkTracking

// What counting costs, in CPU time of this thread. Each line is `name = value`; scripts/bench prints them.

/// CPU nanoseconds that this thread has used.
func cpuNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

/// The fastest of seven runs, in nanoseconds a turn: the others were disturbed.
func measure(_ turns: Int, _ body: () throws -> Void) rethrows -> Double {
    var best = Double.infinity
    for _ in 0..<7 {
        let begin = cpuNanoseconds()
        try body()
        best = min(best, (cpuNanoseconds() - begin) / Double(turns))
    }
    return best
}

func text(_ nanoseconds: Double) -> String {
    "\((nanoseconds * 10).rounded() / 10) ns"
}

/// Work of about a storage operation in memory, which the optimiser cannot drop.
@inline(never)
func direct(_ input: Int) async -> Int {
    var value = UInt64(truncatingIfNeeded: input)
    for _ in 0..<100 { value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407 }
    return Int(truncatingIfNeeded: value)
}

let turns = 5_000_000
let registry = WorkRegistry()
let gate = try registry.register("bench")

let pair = try measure(turns) {
    for _ in 0..<turns {
        let permit = try gate.enter()
        permit.end()
    }
}
print("gate: enter and end, uncontended, CPU =", text(pair))

let asyncTurns = 300_000
var sink = 0
var plain = Double.infinity
var tracked = Double.infinity
for _ in 0..<7 {
    var begin = cpuNanoseconds()
    for turn in 0..<asyncTurns { sink &+= await direct(turn) }
    plain = min(plain, (cpuNanoseconds() - begin) / Double(asyncTurns))
    begin = cpuNanoseconds()
    for turn in 0..<asyncTurns { sink &+= try await gate.track("bench") { await direct(turn) } }
    tracked = min(tracked, (cpuNanoseconds() - begin) / Double(asyncTurns))
}
print(
    "gate: tracked async call over the direct one, CPU =", text(tracked - plain), "on", text(plain), sink == 0 ? "" : ""
)
