import Foundation
import Testing

@Suite("Rules of the sources")
struct SourceRulesTests {
    private let lineCountMax = 700
    private let testLineCountMax = 700
    /// Files that are long because they are tables.
    private let lineCountExceptions: Set<String> = []

    @Test("no file is longer than the hard limit")
    func lengths() {
        var findings: [String] = []
        for file in Tree.current.files where file.isSwift && !file.isGenerated {
            let most = file.path.hasPrefix("Tests/") ? testLineCountMax : lineCountMax
            if file.lines.count > most, !lineCountExceptions.contains(file.path) {
                findings.append(
                    "\(file.path):1: length: \(file.lines.count) lines; split by behaviour, at most \(most)")
            }
        }
        report(findings)
    }

    /// A call that is banned, where it is allowed all the same, and what to do instead.
    private struct Ban {
        var pattern: String
        var allowed: [String]
        var instead: String
    }

    private let bans: [Ban] = [
        Ban(
            pattern: #"\b(ContinuousClock|SuspendingClock)\(\)|\bclock_gettime\("#,
            allowed: ["Sources/Tools/weir-simulate/CPUTime.swift", "Sources/WeirIO/", "Sources/WeirRuntime/Process/"],
            instead: "take a Clock port"),
        Ban(
            pattern: #"\bSystemRandomNumberGenerator\(\)|\b(Int|UInt8|UInt32|UInt64|Double)\.random\(in: [^,)]*\)"#,
            allowed: [
                "Sources/WeirIO/", "Sources/WeirCommand/", "Sources/EmbeddedNode/", "Sources/WeirRuntime/Process/",
            ],
            instead: "take a random number generator from the caller"),
        Ban(
            pattern: #"(?<![.\w])open\([^)]*\bO_|\bGlibc\.open\(|\bfopen\("#, allowed: ["Sources/WeirIO/"],
            instead: "take a Disk port"),
        Ban(pattern: #"\bfatalError\("#, allowed: [], instead: "use precondition with a reason, or throw"),
        Ban(pattern: #"\btry!"#, allowed: [], instead: "handle the error"),
        Ban(
            pattern: #"(?<![.\w])print\("#,
            allowed: ["Sources/WeirCommand/", "Sources/Tools/"], instead: "log, or return the text"),
        Ban(pattern: #"\bThread\.sleep|\busleep\(|(?<![.\w])sleep\(\d"#, allowed: [], instead: "wait for the event"),
    ]

    @Test("banned calls stay where they are allowed")
    func bannedCalls() throws {
        var findings: [String] = []
        for ban in bans {
            let pattern = try NSRegularExpression(pattern: ban.pattern)
            for file in Tree.current.sources where !ban.allowed.contains(where: { file.path.hasPrefix($0) }) {
                for (number, line) in file.lines.enumerated() where !isComment(line) {
                    let text = String(line)
                    let range = NSRange(text.startIndex..., in: text)
                    if pattern.firstMatch(in: text, range: range) != nil {
                        findings.append("\(file.path):\(number + 1): banned call: \(ban.instead)")
                    }
                }
            }
        }
        report(findings)
    }

    @Test("every @unchecked Sendable says in a comment which lock or loop guards it")
    func uncheckedSendable() {
        var findings: [String] = []
        for file in Tree.current.sources {
            for (number, line) in file.lines.enumerated() where line.contains("@unchecked Sendable") && !isComment(line)
            {
                let before = file.lines[max(0, number - 25)...number].filter { isComment($0) || $0.contains("//") }
                let reason = before.joined(separator: " ").lowercased()
                if !["loop", "lock", "mutex", "thread", "immutable", "atomic", "confined"].contains(
                    where: reason.contains)
                {
                    findings.append(
                        "\(file.path):\(number + 1): @unchecked Sendable: name the lock or the loop above it")
                }
            }
        }
        report(findings)
    }

    @Test("every public symbol is documented")
    func publicDocumentation() {
        var findings: [String] = []
        for file in Tree.current.sources where !file.isGenerated {
            for (number, line) in file.lines.enumerated() {
                let trimmed = line.drop { $0 == " " }
                guard trimmed.hasPrefix("public "), !trimmed.hasPrefix("public import"),
                    !trimmed.hasPrefix("public extension"), !isDocumented(file.lines, before: number)
                else { continue }
                findings.append("\(file.path):\(number + 1): documentation: say what it gives: \(trimmed.prefix(60))")
            }
        }
        report(findings)
    }

    @Test("work left over is written down as an issue, not in the source")
    func leftovers() {
        var findings: [String] = []
        for file in Tree.current.sources {
            for (number, line) in file.lines.enumerated()
            where line.contains("TODO") && !line.contains("TODO(#") || line.contains("FIXME") || line.contains("XXX") {
                findings.append("\(file.path):\(number + 1): leftover: name an issue: TODO(#12), or do it")
            }
        }
        report(findings)
    }

    private func isComment(_ line: Substring) -> Bool {
        line.drop { $0 == " " }.hasPrefix("//")
    }

    private func isDocumented(_ lines: [Substring], before number: Int) -> Bool {
        var index = number - 1
        while index >= 0 {
            let trimmed = lines[index].drop { $0 == " " }
            if trimmed.hasPrefix("///") { return true }
            guard trimmed.hasPrefix("@") || trimmed.hasPrefix("#if") || trimmed.hasPrefix("//") else { return false }
            index -= 1
        }
        return false
    }
}
