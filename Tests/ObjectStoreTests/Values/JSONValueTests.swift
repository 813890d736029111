import ObjectStore
import Testing
import WeirSimulation

/// Values of any shape, for properties.
struct RandomJSON {
    var random: SeededRandom

    mutating func value(depth: Int = 4) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: .null
        case 1: .bool(Bool.random(using: &random))
        case 2: .integer(Int64(bitPattern: random.next()) >> Int64.random(in: 0..<64, using: &random))
        case 3: .number(double())
        case 4, 5: .string(text())
        case 6: .array((0..<Int.random(in: 0..<5, using: &random)).map { _ in value(depth: depth - 1) })
        default: .object(members(depth: depth - 1))
        }
    }

    mutating func members(depth: Int) -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        for _ in 0..<Int.random(in: 0..<6, using: &random) { members[text()] = value(depth: depth) }
        return members
    }

    private mutating func double() -> Double {
        let number = Double(bitPattern: random.next())
        return number.isFinite ? number : 0.5
    }

    mutating func text() -> String {
        let pieces = ["a", "spec", "\"", "\\", "\n", "\u{1}", "/", "~", "é", "漢", "😀", "\u{0}", "\u{7f}", " ", "0"]
        return (0..<Int.random(in: 0..<5, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
            .joined()
    }
}

@Suite("JSON as bytes")
struct JSONValueTests {
    @Test(
        "text is read as what it says",
        arguments: [
            (" null ", .null), ("true", true), ("false", false), ("0", 0), ("-0", 0), ("12", 12), ("-7", -7),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .number(9_223_372_036_854_775_808)),
            ("-9223372036854775809", .number(-9_223_372_036_854_775_808)),
            ("1.5", 1.5), ("1e2", .number(100)), ("1E-2", 0.01), ("2.0", .number(2)), ("-0.0", .number(-0.0)),
            ("\"\"", ""), ("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\u{8}\u{c}\n\r\tz"),
            ("\"\\u00e9\\u6F22\"", "é漢"), ("\"\\ud83d\\uDE00\"", "😀"), ("\"\\u0000\"", "\0"), ("\"é漢😀\"", "é漢😀"),
            ("[]", []), ("[ 1 , [2],{} ]", [1, [2], [:]]), ("{}", [:]),
            ("{\"a\" : 1,\"b\":[null]}", ["a": 1, "b": [nil]]), ("{\"a\":1,\"a\":2}", ["a": 2]),
            ("\t\r\n[1]\n", [1]),
        ] as [(String, JSONValue)])
    func reading(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
        #expect(try JSONValue(parsing: Array(text.utf8)) == value)
        #expect(try JSONValue(parsing: text.utf8.lazy.map { $0 }) == value, "also where the bytes lie in no array")
    }

    @Test(
        "what is no JSON is refused at its byte",
        arguments: [
            ("", 0), (" ", 1), ("nul", 3), ("nulL", 3), ("tru", 3), ("[1,]", 3), ("[1 2]", 3), ("[1", 2), ("[", 1),
            ("{", 1), ("{\"a\"}", 4), ("{\"a\":}", 5), ("{\"a\":1,}", 7), ("{a:1}", 1), ("{\"a\":1", 6), ("01", 0),
            ("-", 1), ("+1", 0), ("1.", 2), (".5", 0), ("1e", 2), ("1e+", 3), ("1e999", 0), ("1 2", 2), ("NaN", 0),
            ("\"a", 2), ("\"\\x\"", 1), ("\"\\u12\"", 5), ("\"\\ud83d\"", 1), ("\"\\ud83dx\"", 1),
            ("\"\\ude00\"", 1), ("\"\\ud83d\\u0041\"", 1), ("\"\n\"", 1), ("'a'", 0), ("\u{feff}1", 0), ("1/", 1),
        ])
    func refusing(text: String, offset: Int) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.offset == offset, "\(String(describing: error))")
    }

    @Test(
        "bytes that are no UTF-8 are refused",
        arguments: [
            [0x22, 0x80, 0x22], [0x22, 0xc3, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xc0, 0xaf, 0x22],
            [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], [0x22, 0x5c, 0x6e, 0xff, 0x22],
        ] as [[UInt8]])
    func invalidUTF8(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
    }

    @Test("depth and size are bounded")
    func limits() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try JSONValue(parsing: nested(128)).isDeeper(than: 127))
        #expect(throws: JSONError("more than 128 levels lie in each other", at: 128)) {
            try JSONValue(parsing: nested(129))
        }
        #expect(throws: JSONError.self) { try JSONValue(parsing: nested(1_000_000)) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: "[1,2,3]", limits: JSONLimits(bytesMax: 6)) }
        #expect(try JSONValue(parsing: "[1,2,3]", limits: JSONLimits(bytesMax: 7)) == [1, 2, 3])
    }

    @Test("values are written compact, with sorted members")
    func writing() {
        let value: JSONValue = [
            "b": [1, -2, 2.5, .number(3), .number(1e300), true, nil], "a": "x\"\\\n\u{1}\u{1f}é/", "": [:], "c": [],
        ]
        #expect(
            value.text
                == #"{"":{},"a":"x\"\\\n\u0001\u001fé/","b":[1,-2,2.5,3.0,1e+300,true,null],"c":[]}"#)
        #expect(JSONValue.number(.infinity).text == "null")
        #expect(JSONValue.number(.nan).text == "null")
        #expect(JSONValue.integer(.min).text == "-9223372036854775808")
    }

    @Test("what is written is read as the same value", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var values = RandomJSON(random: SeededRandom(seed: seed))
        for _ in 0..<20 {
            let value = values.value()
            let bytes = value.encoded()
            let again = try JSONValue(parsing: bytes)
            #expect(again == value, "seed \(seed)")
            #expect(again.encoded() == bytes, "seed \(seed)")
        }
    }

    @Test("any bytes give a value or an error, and a value is written as itself", arguments: 0..<200 as Range<UInt64>)
    func anyBytes(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var values = RandomJSON(random: random.split())
        let alphabet = Array("[]{}\",:\\u0123456789eE+-.tfn \u{e9}ae".utf8) + [0x00, 0x80, 0xff]
        for _ in 0..<50 {
            var bytes: [UInt8]
            if Bool.random(using: &random) {
                bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
                    alphabet.randomElement(using: &random) ?? 0
                }
            } else {
                bytes = values.value().encoded()
                for _ in 0..<Int.random(in: 1..<4, using: &random) where !bytes.isEmpty {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[place] = alphabet.randomElement(using: &random) ?? 0
                    case 1: bytes.remove(at: place)
                    default: bytes.removeLast(bytes.count - place)
                    }
                }
            }
            do throws(JSONError) {
                let value = try JSONValue(parsing: bytes)
                #expect(try JSONValue(parsing: value.encoded()) == value, "seed \(seed): \(bytes)")
            } catch {
                #expect((0...bytes.count).contains(error.offset), "seed \(seed): \(bytes)")
            }
        }
    }

    @Test("numbers are compared by value where asked for")
    func comparing() {
        #expect(JSONValue.integer(1) != .number(1))
        #expect((["a": [1, 2.0]] as JSONValue).isEqualByValue(to: ["a": [1.0, 2]]))
        #expect(!(["a": [1]] as JSONValue).isEqualByValue(to: ["a": [1, 2]]))
        #expect(!JSONValue.integer(.max).isEqualByValue(to: .number(9_223_372_036_854_775_808)))
        #expect(!(["a": 1] as JSONValue).isEqualByValue(to: ["b": 1]))
    }
}
