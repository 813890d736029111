import Foundation
import Testing

@Suite("Rules of the tree")
struct TreeRulesTests {
    private let sizeBytesMax = 262_144

    @Test("no file is large, none has carriage returns or trailing blanks")
    func texts() {
        var findings: [String] = []
        for file in Tree.current.files {
            if Tree.current.sizeBytes(file.path) > sizeBytesMax {
                findings.append("\(file.path):1: size: over 256 KiB; generate it or fetch it")
            }
            for (number, line) in file.lines.enumerated() {
                if line.last == "\r" || line.utf8.last == 13 {
                    findings.append("\(file.path):\(number + 1): carriage return: end lines with LF")
                } else if line.last == " " || line.last == "\t" {
                    findings.append("\(file.path):\(number + 1): trailing blank: remove it")
                }
            }
        }
        report(findings)
    }

    @Test("every plugin has its wiring, its page and its tests")
    func plugins() throws {
        var findings: [String] = []
        let folders = Set(Tree.current.files.filter { $0.path.hasPrefix("Plugins/") }.map(\.room))
        for folder in folders.sorted() {
            let name = String(folder.dropFirst("Plugins/".count))
            if !Tree.current.exists("\(folder)/README.md") {
                findings.append("\(folder): README.md: say what it offers, needs and limits")
            }
            let isCodec = ["KafkaWire", "KafkaClient", "Coordinators", "Raft"].contains(name)
            if !isCodec && !Tree.current.exists("\(folder)/Plugin.swift") {
                findings.append("\(folder): Plugin.swift: manifest and wiring are missing")
            }
            if !isCodec && !Tree.current.exists("\(folder)/Probe.swift") {
                findings.append("\(folder): Probe.swift: its counters are missing")
            }
            if !Tree.current.exists("Tests/\(name)Tests") {
                findings.append("\(folder): Tests/\(name)Tests: its tests are missing")
            }
        }
        report(findings)
    }

    @Test("links and paths in the pages lead somewhere")
    func links() throws {
        let link = try NSRegularExpression(pattern: #"\]\(([^)#\s]+)(#[^)]*)?\)"#)
        let path = try NSRegularExpression(pattern: #"`((?:Sources|Plugins|Tests|Samples|docs|scripts)/[\w./+-]+)`"#)
        var findings: [String] = []
        for file in Tree.current.files where file.path.hasSuffix(".md") {
            let folder = file.path.split(separator: "/").dropLast().joined(separator: "/")
            for (number, line) in file.lines.enumerated() {
                for target in matches(link, in: line) where !target.contains("://") && !target.hasPrefix("mailto:") {
                    let full = target.hasPrefix("/") ? String(target.dropFirst()) : normalised("\(folder)/\(target)")
                    if !Tree.current.exists(full) {
                        findings.append("\(file.path):\(number + 1): link: \(target) is not there")
                    }
                }
                for target in matches(path, in: line) where !Tree.current.exists(target) {
                    findings.append("\(file.path):\(number + 1): path: \(target) is not there")
                }
            }
        }
        report(findings)
    }

    @Test("the changelog begins with what is not released yet")
    func changelog() throws {
        let lines = try #require(Tree.current.files.first { $0.path == "CHANGELOG.md" }?.lines)
        #expect(lines.first == "# Changelog")
        #expect(lines.first { $0.hasPrefix("## ") }?.hasPrefix("## Unreleased") ?? false)
    }

    @Test("decisions are numbered without gaps and say what they cost")
    func decisions() {
        let pages = Tree.current.files.filter { $0.path.hasPrefix("docs/decisions/") && $0.path.hasSuffix(".md") }
            .sorted { $0.path < $1.path }
        var findings: [String] = []
        for (index, page) in pages.enumerated() {
            let name = page.path.split(separator: "/").last ?? ""
            let number = String(index + 1)
            if !name.hasPrefix(String(repeating: "0", count: 4 - number.count) + number + "-") {
                findings.append("\(page.path): number: expected \(number)")
            }
            for heading in ["## Context", "## Decision", "## What it costs", "## What would change our mind"]
            where !page.lines.contains(where: { $0 == heading }) {
                findings.append("\(page.path): heading: '\(heading)' is missing")
            }
        }
        report(findings)
    }

    private func matches(_ pattern: NSRegularExpression, in line: Substring) -> [String] {
        let text = String(line)
        return pattern.matches(in: text, range: NSRange(text.startIndex..., in: text)).compactMap { match in
            Range(match.range(at: 1), in: text).map { String(text[$0]) }
        }
    }

    private func normalised(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return parts.joined(separator: "/")
    }
}
