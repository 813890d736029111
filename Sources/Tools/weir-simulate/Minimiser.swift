import Foundation
import RaftSimulation

/// Makes a failing run smaller: fewer events, fewer kinds of faults, fewer nodes, as long as the same thing fails.
///
/// Every trial is a process of its own, so that one that traps is a result like any other.
struct Minimiser {
    /// How a run ended.
    private enum Outcome: Equatable {
        case sound
        case violation(event: Int, name: String)
        case trap

        var name: String? {
            switch self {
            case .sound: nil
            case .violation(_, let name): name
            case .trap: "trap"
            }
        }
    }

    private var best: SimulationOptions
    /// What must go on failing.
    private let name: String
    private var trialCount = 0

    /// Makes the run smaller that fails with that invariant; nil for a trap.
    init(_ options: SimulationOptions, _ invariant: Invariant?) {
        best = options
        name = invariant.map { "\($0)" } ?? "trap"
    }

    /// Tries until nothing more can be left out, and tells the smallest run.
    mutating func run() {
        cutSteps()
        var isSmaller = true
        while isSmaller {
            isSmaller = false
            for fault in Fault.allCases where !best.without.contains(fault) {
                var smaller = best
                smaller.without.insert(fault)
                if attempt(smaller) { isSmaller = true }
            }
            for count in stride(from: best.nodeCount - 1, through: 2, by: -1) {
                var smaller = best
                smaller.nodeCount = count
                guard attempt(smaller) else { break }
                isSmaller = true
            }
            cutSteps()
        }
        say("the smallest of \(trialCount) runs that fail so:")
        say("  weir-simulate \(best.arguments)")
        if name == "trap" { return }
        _ = SingleRun(options: best).run()
    }

    /// Looks for fewer events of the first phase.
    private mutating func cutSteps() {
        if case .violation(let event, name) = outcome(of: best), event < best.steps { best.steps = event }
        var step = best.steps / 2
        while step > 0 {
            var smaller = best
            smaller.steps -= step
            if smaller.steps < 1 || !attempt(smaller) { step /= 2 }
            step = min(step, best.steps / 2)
        }
    }

    private mutating func attempt(_ options: SimulationOptions) -> Bool {
        let result = outcome(of: options)
        guard result.name == name else { return false }
        best = options
        if case .violation(let event, _) = result { best.steps = min(best.steps, event) }
        return true
    }

    private mutating func outcome(of options: SimulationOptions) -> Outcome {
        trialCount += 1
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = options.arguments.split(separator: " ").map(String.init) + ["--brief"]
        process.environment = ["SWIFT_BACKTRACE": "enable=no"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return .sound }
        let words = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            .split(whereSeparator: \.isWhitespace)
        process.waitUntilExit()
        if words.count == 3, words[0] == "violation", let event = Int(words[1]) {
            return .violation(event: event, name: String(words[2]))
        }
        return words.first == "sound" ? .sound : .trap
    }
}
