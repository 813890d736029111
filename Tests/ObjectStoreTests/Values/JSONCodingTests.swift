import ObjectStore
import Testing
import WeirSimulation

/// One member of each kind that Swift's own coding knows.
private struct Everything: Codable, Equatable {
    enum Colour: String, Codable { case red }
    enum Shape: Codable, Equatable {
        case circle(radius: Double)
        case point
    }
    struct Inner: Codable, Equatable { var names: [String] }

    var flag = true
    var text = "t"
    var numbers: [Double] = [1.5, 2]
    var short: Float = 0.1
    var int: Int = -1
    var int8 = Int8.min
    var int16 = Int16.max
    var int32 = Int32.min
    var int64 = Int64.max
    var uint = UInt(7)
    var uint8 = UInt8.max
    var uint16 = UInt16.max
    var uint32 = UInt32.max
    var uint64 = UInt64(Int64.max)
    var labels = ["a": "b"]
    var inner: Inner? = Inner(names: ["x", "y"])
    var nothing: Int?
    var byNumber: [Int: String] = [3: "three"]
    var colour = Colour.red
    var shapes: [Shape] = [.point, .circle(radius: 2)]
    var any: JSONValue = ["free": [1, nil]]
    var anyMembers: [String: JSONValue] = ["k": 1]
    var moment = Timestamp(secondsSince1970: 0)
    var optionals: [Int?] = [1, nil]
}

/// Uses the containers that no synthesised conformance uses.
private class Animal: Codable {
    var legs: Int
    init(legs: Int) { self.legs = legs }
}

private final class Dog: Animal {
    var toys: [[Int]]
    init(legs: Int, toys: [[Int]]) {
        self.toys = toys
        super.init(legs: legs)
    }
    enum Keys: CodingKey {
        case toys
        case first
    }
    required init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Keys.self)
        var rows = try members.nestedUnkeyedContainer(forKey: .toys)
        toys = []
        while !rows.isAtEnd {
            var row = try rows.nestedUnkeyedContainer()
            var numbers: [Int] = []
            while !row.isAtEnd { numbers.append(try row.decode(Int.self)) }
            toys.append(numbers)
        }
        let nested = try members.nestedContainer(keyedBy: Keys.self, forKey: .first)
        #expect(try nested.decode(Int.self, forKey: .first) == 1)
        try super.init(from: members.superDecoder())
    }
    override func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: Keys.self)
        var rows = members.nestedUnkeyedContainer(forKey: .toys)
        for row in toys {
            var container = rows.nestedUnkeyedContainer()
            for toy in row { try container.encode(toy) }
        }
        var nested = members.nestedContainer(keyedBy: Keys.self, forKey: .first)
        try nested.encode(1, forKey: .first)
        try super.encode(to: members.superEncoder())
    }
}

@Suite("JSON values of Swift values")
struct JSONCodingTests {
    @Test("all that Swift can code comes back as it was, also through bytes")
    func roundTrip() throws {
        let json = try JSONValueEncoder().encode(Everything())
        #expect(json["nothing"] == nil)
        #expect(json["short"] == 0.1)
        #expect(json["shapes"] == [["point": [:]], ["circle": ["radius": .number(2)]]])
        #expect(json["moment"] == "1970-01-01T00:00:00Z")
        #expect(json["optionals"] == [1, nil])
        let again = try JSONValue(parsing: json.encoded())
        #expect(again == json)
        #expect(try JSONValueDecoder().decode(Everything.self, from: again) == Everything())
    }

    @Test("nested and inherited containers are written where they belong")
    func containers() throws {
        let json = try JSONValueEncoder().encode(Dog(legs: 4, toys: [[1, 2], []]))
        #expect(json == ["toys": [[1, 2], []], "first": ["first": 1], "super": ["legs": 4]])
        let dog = try JSONValueDecoder().decode(Dog.self, from: json)
        #expect(dog.legs == 4)
        #expect(dog.toys == [[1, 2], []])
    }

    @Test("single values and free JSON are coded as they are")
    func singles() throws {
        #expect(try JSONValueEncoder().encode(5) == 5)
        #expect(try JSONValueEncoder().encode("a") == "a")
        #expect(try JSONValueEncoder().encode([String: Int]()) == [:])
        #expect(try JSONValueEncoder().encode([Int]()) == [])
        #expect(try JSONValueEncoder().encode(Int?.none) == .null)
        #expect(try JSONValueDecoder().decode(Int?.self, from: .null) == nil)
        #expect(try JSONValueDecoder().decode(Double.self, from: 3) == 3)
        #expect(try JSONValueDecoder().decode(Int.self, from: .number(3)) == 3)
        let free: JSONValue = ["a": [1, 2.5, "x", nil, true]]
        #expect(try JSONValueEncoder().encode(free) == free)
        #expect(try JSONValueDecoder().decode(JSONValue.self, from: free) == free)
    }

    private struct Rule: Codable {
        var name: String
        var port: Int8
    }
    private struct Spec: Codable { var rules: [Rule] }

    @Test(
        "errors name the way to the member",
        arguments: [
            (["rules": [["name": "a", "port": 1], ["name": 2, "port": 1]]], "rules[1].name must be a string"),
            (["rules": [["port": 1]]], "rules[0].name is missing"),
            (["rules": [["name": "a", "port": 300]]], "rules[0].port must be a whole number from -128 to 127"),
            (["rules": [["name": "a", "port": 1.5]]], "rules[0].port must be a whole number from -128 to 127"),
            (["rules": [["name": "a", "port": nil]]], "rules[0].port must be a whole number"),
            (["rules": [["name": "a", "port": "1"]]], "rules[0].port must be a whole number"),
            (["rules": ["name": "a"]], "rules must be an array"), ([:], "rules is missing"),
        ] as [(JSONValue, String)])
    func errors(json: JSONValue, wanted: String) throws {
        let error = #expect(throws: DecodingError.self) { try JSONValueDecoder().decode(Spec.self, from: json) }
        let context: DecodingError.Context
        switch try #require(error) {
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .keyNotFound(_, let found),
            .dataCorrupted(let found):
            context = found
        @unknown default: return
        }
        var path = ""
        for key in context.codingPath {
            path += key.intValue.map { "[\($0)]" } ?? (path.isEmpty ? key.stringValue : ".\(key.stringValue)")
        }
        #expect("\(path) \(context.debugDescription)" == wanted)
    }

    @Test("numbers without a JSON form are refused")
    func refusedNumbers() {
        #expect(throws: EncodingError.self) { try JSONValueEncoder().encode([Double.nan]) }
        #expect(throws: EncodingError.self) { try JSONValueEncoder().encode(["a": Double.infinity]) }
        #expect(throws: EncodingError.self) { try JSONValueEncoder().encode([UInt64.max]) }
    }
}

@Suite("Timestamps")
struct TimestampTests {
    @Test(
        "moments are read in all forms of RFC 3339, and written in one",
        arguments: [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("2026-11-21T15:30:00Z", 1_795_275_000, "2026-11-21T15:30:00Z"),
            ("2026-11-21T16:30:00.987+01:00", 1_795_275_000, "2026-11-21T15:30:00Z"),
            ("2026-11-20t23:59:60z", 1_795_219_200, "2026-11-21T00:00:00Z"),
            ("2000-02-29T12:00:00Z", 951_825_600, "2000-02-29T12:00:00Z"),
            ("1969-12-31T23:59:59Z", -1, "1969-12-31T23:59:59Z"),
            ("0001-01-01T00:00:00Z", -62_135_596_800, "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", 253_402_300_799, "9999-12-31T23:59:59Z"),
        ] as [(String, Int64, String)])
    func reading(text: String, seconds: Int64, written: String) throws {
        let moment = try #require(Timestamp(text))
        #expect(moment.secondsSince1970 == seconds)
        #expect(moment.description == written)
    }

    @Test(
        "what is no moment is refused",
        arguments: [
            "", "now", "2026-11-21", "2026-11-21T15:30:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z", "2026-11-31T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T15:60:00Z",
            "2026-11-21T15:30:61Z", "2026-11-21T15:30:00.Z", "2026-11-21T15:30:00+25:00", "2026-11-21T15:30:00Zz",
            "26-11-21T15:30:00Z", "2026-11-21T15:30:00+0100", "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z",
        ])
    func refusing(text: String) { #expect(Timestamp(text) == nil) }

    @Test("every moment of four-digit years is read as it was written", arguments: 0..<50 as Range<UInt64>)
    func roundTrip(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<100 {
            let moment = Timestamp(
                secondsSince1970: Int64.random(in: -62_167_219_200...253_402_300_799, using: &random))
            #expect(Timestamp(moment.description) == moment, "seed \(seed)")
        }
    }

    @Test("a clock's milliseconds are rounded down, and no number traps")
    func edges() {
        #expect(Timestamp(wallMilliseconds: 1_999).secondsSince1970 == 1)
        #expect(Timestamp(wallMilliseconds: -1).secondsSince1970 == -1)
        #expect(Timestamp(secondsSince1970: .max).description.hasSuffix("Z"))
        #expect(Timestamp(secondsSince1970: .min).description.hasSuffix("Z"))
    }
}
