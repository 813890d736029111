import Testing
import WeirSimulation

@testable import ObjectStore

@Suite("Regular expressions of schemas")
struct PatternTests {
    @Test(
        "an expression is found where it should be",
        arguments: [
            ("", ["", "a"], []), ("a", ["a", "ba", "ab"], ["", "b"]), ("^a", ["a", "ab"], ["ba"]),
            ("a$", ["a", "ba"], ["ab", "a\n"]), ("^a$", ["a"], ["aa", ""]), ("^$", [""], ["a"]),
            ("^a*$", ["", "aaa"], ["ab"]), ("^a+$", ["a", "aa"], [""]), ("^a?$", ["", "a"], ["aa"]),
            ("^a{2}$", ["aa"], ["a", "aaa"]), ("^a{2,}$", ["aa", "aaaa"], ["a"]),
            ("^a{1,3}$", ["a", "aaa"], ["", "aaaa"]), ("^a{0}$", [""], ["a"]), ("^a{,2}$", ["a{,2}"], ["aa"]),
            ("^a{x$", ["a{x"], []), ("^(ab|cd)+$", ["ab", "abcd"], ["abc", ""]), ("^(?:a|b|)$", ["", "a", "b"], ["c"]),
            ("^(?P<x>a)(?<y>b)$", ["ab"], ["a"]), ("a|b", ["xay", "b"], ["c"]), ("^a|b$", ["ax", "xb"], ["xa"]),
            ("^.$", ["a", "é", "😀"], ["", "ab", "\n"]), ("^[a-c]$", ["a", "c"], ["d", "-"]),
            ("^[^a-c]$", ["d"], ["a", ""]), ("^[-a]$", ["-", "a"], ["b"]), ("^[a-]$", ["-", "a"], ["b"]),
            ("^[]a]$", ["]", "a"], ["b"]), ("^[^]]$", ["a"], ["]"]), ("^[\\d_-]+$", ["0_9-"], ["a"]),
            ("^[\\]\\\\]$", ["]", "\\"], ["a"]), ("^\\d+\\.\\d+$", ["1.2"], ["1x2", "1."]),
            ("^\\w+$", ["a_9"], ["é", "-"]),
            ("^\\W$", ["-", "é"], ["a"]), ("^\\s\\S$", [" a"], ["a "]), ("^[\\D]$", ["a"], ["1"]),
            ("\\bcat\\b", ["a cat.", "cat"], ["cats", "scat"]), ("\\Bat", ["cat"], ["at"]), ("\\Aa\\z", ["a"], ["ab"]),
            ("^\\x41\\u00e9\\t$", ["Aé\t"], ["A"]), ("^\\/\\-\\$\\^$", ["/-$^"], []), ("^a+?b*?$", ["aab"], ["b"]),
            ("^(a*)*$", ["", "aaa"], ["b"]), ("^(a|a)*b$", ["aaab"], ["aaa"]),
            ("^((a{1,2}){1,2}b)?$", ["aaab", ""], ["aaaaab"]),
            (
                "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", ["a-b.c", "x"],
                ["-a", "a..b", ""]
            ),
            ("^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$", ["1h30m", "1.5s"], ["1", "h"]),
        ] as [(String, [String], [String])])
    func matching(pattern: String, found: [String], missed: [String]) throws {
        let pattern = try Pattern(pattern)
        for text in found { #expect(pattern.isFound(in: text), "\(text)") }
        for text in missed { #expect(!pattern.isFound(in: text), "\(text)") }
    }

    @Test(
        "what is no expression, or needs more than bounded time, is refused",
        arguments: [
            "(", ")", "(a", "a)", "[", "[a", "[]", "[^]", "*", "+a", "a**", "a{1001}", "a{3,2}", "[b-a]", "\\", "\\1",
            "\\p{L}",
            "(?=a)", "(?!a)", "(?<=a)", "(?i)a", "[[:alpha:]]", "\\xg1", "\\ud800", "^*", "(((a{1000}){1000}){1000})",
            "((((){1000}){1000}){1000}){1000}", String(repeating: "(", count: 100_000),
        ])
    func refusing(pattern: String) {
        let error = #expect(throws: PatternError.self) { try Pattern(pattern) }
        #expect(error?.message.isEmpty == false)
    }

    @Test("an expression that takes others for ever takes time by the text's length")
    func bounded() throws {
        let pattern = try Pattern("^(a+)+(b|a*)*$")
        #expect(!pattern.isFound(in: String(repeating: "a", count: 5_000) + "c"))
        #expect(try Pattern("(x+x+)+y").isFound(in: String(repeating: "x", count: 5_000) + "y"))
    }

    @Test("any text gives an expression or an error", arguments: 0..<100 as Range<UInt64>)
    func anyText(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pieces = [
            "a", "b", "(", ")", "[", "]", "|", "*", "+", "?", "{", "}", "1", ",", "\\", "d", "^", "$", ".", "-", ":",
            "<",
        ]
        for _ in 0..<100 {
            let text = (0..<Int.random(in: 0..<12, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            guard let pattern = try? Pattern(text) else { continue }
            _ = pattern.isFound(in: "abba-1")
        }
    }
}
