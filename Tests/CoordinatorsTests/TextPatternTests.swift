import Testing

@testable import Coordinators

@Suite("Regular expressions")
struct TextPatternTests {
    @Test(
        "a pattern matches whole texts",
        arguments: [
            ("orders", ["orders"], ["order", "orders2", "my-orders", ""]),
            ("orders.*", ["orders", "orders-1", "orders.eu"], ["order", "my-orders"]),
            ("^foo[0-9]+$", ["foo1", "foo42"], ["foo", "foo1a"]),
            ("(a|b)*c", ["c", "abac", "bbc"], ["ab", "abca"]),
            ("(?i)ORDERS", ["orders", "OrDeRs"], ["order"]),
            ("x(?i:y)z", ["xyz", "xYz"], ["Xyz", "xyZ"]),
            ("a{2,3}", ["aa", "aaa"], ["a", "aaaa"]),
            ("a{2}", ["aa"], ["a", "aaa"]),
            ("a{2,}", ["aa", "aaaaa"], ["a"]),
            ("a{,2}", ["a{,2}"], ["a", "aa"]),
            ("\\w+\\.\\d{3}", ["eu.123"], ["eu.12", "eu-123"]),
            ("[^-]+", ["abc"], ["a-b", ""]),
            ("[]a]+", ["]a"], ["b"]),
            ("[a\\-z]+", ["a-z"], ["b"]),
            ("[[:alpha:]_]+", ["a_B"], ["a1"]),
            ("\\Qa.b\\E", ["a.b"], ["axb"]),
            ("\\Qa.b\\E*", ["a.", "a.bbb"], ["axb"]),
            ("(?P<name>a)(?:b)", ["ab"], ["a"]),
            ("a??b+?", ["b", "abb"], ["a"]),
            ("\\p{Lu}\\pN", ["A1"], ["a1"]),
            ("\\x41\\x{42}", ["AB"], ["ab"]),
            ("\\bab\\b", ["ab"], ["b"]),
            ("a\\Bb", ["ab"], []),
            ("|a", ["", "a"], ["b"]),
            ("()*", [""], ["a"]),
            ("(a*)*b", ["b", "aab"], ["a"]),
            (".*", ["", "anything-at.all_1", "zürich-1"], []),
            ("grüße.*", ["grüße", "grüße-ü"], ["grsse", "gr"]),
            ("[α-ω]+|[^a-z]", ["λογ", "ü", "𝄞"], ["abc", "Ω1", "a"]),
            ("[^ü-ÿ]\\W\\D", ["aüé"], ["üüü", "aaü"]),
        ] as [(String, [String], [String])])
    func matches(_ text: String, _ yes: [String], _ no: [String]) throws {
        let pattern = try TextPattern(text)
        for name in yes { #expect(pattern.matches(name), "\(text) should match \(name)") }
        for name in no { #expect(!pattern.matches(name), "\(text) should not match \(name)") }
    }

    @Test(
        "what is no pattern, or needs backtracking, is refused",
        arguments: [
            "(", ")", "a)", "[", "[a", "[z-a]", "*", "+a", "a**", "\\Qab\\E**", "a{2}{3}", "\\", "\\1", "(a)\\1",
            "(?=a)", "(?!a)",
            "(?<=a)b", "(?<!a)b", "a{1001}", "a{3,2}", "(?x)a", "[[:nope:]]", "\\p{Nope}", "\\y", "\\x4",
            "((a{100}){100}){100}", String(repeating: "(", count: 200) + String(repeating: ")", count: 200),
            String(repeating: "a", count: 5_000),
        ])
    func refuses(_ text: String) {
        #expect(throws: TextPattern.SyntaxError.self) { try TextPattern(text) }
    }

    @Test("a pattern that would have a backtracking matcher try for ever takes no longer than others")
    func catastrophic() throws {
        let name = String(repeating: "a", count: 248) + "!"
        for text in ["(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*(.*)*(.*)*b", "(a?){100}a{100}b"] {
            #expect(!(try TextPattern(text).matches(name)))
        }
    }
}
