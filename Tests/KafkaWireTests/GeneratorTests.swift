import FoundationEssentials
import Testing
import weir_kafka_messages

@Suite("Generated files")
struct GeneratorTests {
    private static let package = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// The folder of definitions beside the package or under `CONFORMANCE`; nil where there is none.
    private static let definitions: String? = {
        let shared = ProcessInfo.processInfo.environment["CONFORMANCE"] ?? package + "/../shared"
        let folder = shared + "/kafka-messages"
        return FileManager.default.fileExists(atPath: folder + "/ProduceRequest.json") ? folder : nil
    }()

    private static let library = package + "/Plugins/KafkaWire/Generated"
    private static let tests = package + "/Tests/KafkaWireTests/Generated"

    private func text(_ path: String) throws -> String {
        String(decoding: try #require(FileManager.default.contents(atPath: path), "\(path) is missing"), as: UTF8.self)
    }

    @Test(
        "regenerating from the definitions gives the same bytes",
        .enabled(if: GeneratorTests.definitions != nil, "no definitions: set CONFORMANCE to the folder above them"))
    func regenerating() throws {
        let folder = try #require(Self.definitions)
        let output = try Generator.generate(definitions: try readDefinitions(folders: [folder]))
        for file in output.library {
            #expect(try text(Self.library + "/" + file.name) == file.text, "\(file.name): run the generator again")
        }
        #expect(try text(Self.tests + "/" + output.tests.name) == output.tests.text)
        let there = try FileManager.default.contentsOfDirectory(atPath: Self.library)
        #expect(Set(there) == Set(output.library.map { $0.name }))
    }

    @Test("no generated file was edited, and all are of this generator")
    func untouched() throws {
        for folder in [Self.library, Self.tests] {
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let text = try text(folder + "/" + name)
                let lines = text.split(separator: "\n", maxSplits: 4, omittingEmptySubsequences: false)
                try #require(lines.count == 5, "\(name) has no header")
                #expect(lines[1].hasPrefix("// generator \(Generator.version), "), "\(name): generate it again")
                #expect(lines[1].hasSuffix(", body \(fingerprint(of: lines[4]))"), "\(name) was edited")
            }
        }
    }

    @Test("comments and prose of a Kafka checkout change nothing")
    func comments() throws {
        let bare =
            #"{"type": "data", "name": "X", "validVersions": "0-1", "flexibleVersions": "none","#
            + #""fields": [{"name": "A", "type": "string", "versions": "0+", "default": "a//b"}]}"#
        let dressed = """
            // Licensed to the "reader"
            {
              "type": "data", "name": "X", // a "name"
              "validVersions": "0-1", "flexibleVersions": "none",
              // {
              "fields": [{"name": "A", "type": "string", "versions": "0+", "default": "a//b",
                "about": "See http://example.org // or not."}]
            }
            """
        let swift = try Generator.source(of: dressed)
        #expect(try Generator.source(of: bare) == swift)
        #expect(swift.contains(#"public var a: String = "a//b""#))
    }

    @Test(
        "a definition that makes no sense is refused with a sentence",
        arguments: [
            (#"{"name": "A", "type": "strong", "versions": "0+"}"#, "no type"),
            (#"{"name": "A", "type": "int8", "versions": "3-1"}"#, "no range"),
            (#"{"name": "A", "type": "int8", "versions": "0+", "nullableVersions": "0+"}"#, "cannot be null"),
            (#"{"name": "A", "type": "[]B", "versions": "0+"}"#, "does not define"),
            (#"{"name": "A", "type": "int8", "versions": "0+", "default": "x"}"#, "no number"),
            (#"{"name": "A", "type": "int8", "versions": "0+", "tag": 0}"#, "come together"),
            (#"{"name": "A", "type": "string", "versions": "0+", "default": "null"}"#, "never null"),
        ])
    func nonsense(field: String, reason: String) {
        let text =
            #"{"type": "data", "name": "X", "validVersions": "0", "flexibleVersions": "0+", "fields": [\#(field)]}"#
        do {
            _ = try Generator.source(of: text)
            Issue.record("accepted: \(field)")
        } catch {
            #expect("\(error)".contains(reason))
        }
    }

    @Test("what the library's messages do not use is generated too: versions, defaults and types")
    func restOfTheFormat() throws {
        let swift = try Generator.source(
            of: #"""
                {"type": "data", "name": "X", "validVersions": "1-6", "flexibleVersions": "3+", "fields": [
                  {"name": "A", "type": "int32", "versions": "0+", "default": "0x7f"},
                  {"name": "B", "type": "bytes", "versions": "2-4", "nullableVersions": "4", "default": null},
                  {"name": "C", "type": "string", "versions": "1+", "taggedVersions": "5+", "tag": 1},
                  {"name": "default", "type": "uint32", "versions": "6+", "ignorable": true},
                  {"name": "D", "type": "[]uuid", "versions": "3+", "flexibleVersions": "5+"},
                  {"name": "Gone", "type": "int8", "versions": "0"}]}
                """#)
        for line in [
            "public var a: Int32 = 127", "public var b: ByteBuffer? = nil", "if version >= 2 && version <= 4 {",
            "if version >= 4 {", "public var `default`: UInt32 = 0", "case 1 where version >= 5:",
            "value.d = try buffer.readArray(of: WireUUID.self, flexible: version >= 5)",
            "let hasC: Bool = version >= 5 && !self.c.isEmpty",
        ] {
            #expect(swift.contains(line), "\(line)\nin\n\(swift)")
        }
        #expect(!swift.contains("gone"))
    }
}
