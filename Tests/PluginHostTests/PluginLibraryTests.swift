import Foundation
import ObjectStore
import PluginHost
import Testing
import WeirIO

/// One sentence for each way in which a library is no plugin; nothing of it is started.
@Suite("A library that is to be a plugin", .timeLimit(.minutes(2)))
struct PluginLibraryTests {
    private func failure(of path: String, isHostStatic: Bool? = nil) -> PluginError? {
        do throws(PluginError) {
            _ = try PluginLibrary(path, disk: SystemDisk(), isHostStatic: isHostStatic)
            return nil
        } catch {
            return error
        }
    }

    @Test("gives its manifest where nothing is wrong")
    func valid() throws {
        let library = try PluginLibrary(try Fixture.library("behaving"), disk: SystemDisk())
        #expect(library.manifest.name == "behaving")
        #expect(library.manifest.version == "1.2.3")
        #expect(library.manifest.kinds.map(\.description) == ["Widget.example.com"])
        #expect(library.manifest.needsRecords)
        #expect(library.abiVersion == 1)
    }

    @Test("is told where it is not there, a folder, or no library")
    func notThere() throws {
        let missing = failure(of: "/nowhere/plugin.so")
        #expect(missing?.code == .notFound)
        #expect(missing?.message.contains("there is no plugin at /nowhere/plugin.so") == true)
        #expect(failure(of: "/tmp")?.code == .notALibrary)
        #expect(failure(of: #filePath)?.message.contains("is not a shared library") == true)
        #expect(failure(of: "/proc/self/exe")?.code == .notALibrary)
    }

    @Test("is told where it is cut short or garbage behind an ELF header")
    func garbage() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: try Fixture.library("behaving")))
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString).so")
        defer { try? FileManager.default.removeItem(at: path) }
        for length in [0, 3, 63, 64, 200] {
            try whole.prefix(length).write(to: path)
            #expect(failure(of: path.path)?.code == .notALibrary, "cut at \(length)")
        }
        var wild = whole
        for offset in 40..<64 { wild[offset] = 0xFF }
        try wild.write(to: path)
        // The section table is nowhere: whether the system loads it all the same is up to it, but nothing traps.
        _ = failure(of: path.path)
    }

    @Test("is told where it is built for another processor")
    func otherMachine() throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: try Fixture.library("behaving")))
        bytes[18] = 0xF3
        bytes[19] = 0
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString).so")
        defer { try? FileManager.default.removeItem(at: path) }
        try bytes.write(to: path)
        #expect(failure(of: path.path)?.message.contains("another processor (ELF machine 243)") == true)
    }

    @Test("is told where the entry is missing")
    func missingSymbol() throws {
        let error = failure(of: try Fixture.library("broken", ["BROKEN_NO_ENTRY"]))
        #expect(error?.code == .missingSymbol)
        #expect(error?.message.contains("does not export weir_plugin_entry") == true)
    }

    @Test("is told both versions where they differ", arguments: [(0, "build the plugin"), (2, "use a newer weir")])
    func wrongVersion(_ abi: Int, _ advice: String) throws {
        let error = failure(of: try Fixture.library("broken", ["ABI=\(abi)u"]))
        #expect(error?.code == .wrongABI)
        #expect(error?.message.contains("plugin ABI version \(abi), but this weir speaks version 1") == true)
        #expect(error?.message.contains(advice) == true)
    }

    @Test("is told where it offers no table, or one that is too short or absurd")
    func wrongTable() throws {
        #expect(failure(of: try Fixture.library("broken", ["BROKEN_NULL"]))?.code == .wrongABI)
        for size in ["0", "8", "4000000000u"] {
            let error = failure(of: try Fixture.library("broken", ["SIZE=\(size)"]))
            #expect(error?.code == .wrongABI, "size \(size)")
        }
    }

    @Test("may have a longer table: it was built with a newer header")
    func newerTable() throws {
        #expect(failure(of: try Fixture.library("broken", ["SIZE=sizeof(table)"])) == nil)
    }

    @Test(
        "is told the field of its manifest that is wrong",
        arguments: [
            ("", "it is not JSON"), ("[]", "it is not a JSON object"), ("{", "it is not JSON"),
            (#"{"version":"1"}"#, "name: it is missing"), (#"{"name":"a"}"#, "version: it is missing"),
            (#"{"name":7,"version":"1"}"#, "name: it must be a string"),
            (#"{"name":"a b","version":"1"}"#, "name: 'a b' is no name"),
            (#"{"name":"a","version":""}"#, "version: give one"),
            (#"{"name":"a","version":"1","kind":[]}"#, "kind: unknown field"),
            (#"{"name":"a","version":"1","kinds":"Topic"}"#, "kinds: it must be an array"),
            (#"{"name":"a","version":"1","kinds":["topic"]}"#, "kinds[0]: 'topic' is no kind"),
            (#"{"name":"a","version":"1","kinds":["Topic"]}"#, "has no reconcile function"),
            (#"{"name":"a","version":"1","needs":[{}]}"#, "needs[0].kinds: name kinds, or topics"),
            (
                #"{"name":"a","version":"1","needs":[{"kinds":["Topic"],"verbs":["produce"]}]}"#,
                "needs[0].verbs: 'produce' is not one of get, list"
            ),
            (#"{"name":"a","version":"1","needs":[{"kinds":["Topic"],"verbs":[]}]}"#, "needs[0].verbs: name at least"),
        ])
    func wrongManifest(_ manifest: String, _ problem: String) throws {
        let literal = "\"" + manifest.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        let error = failure(of: try Fixture.library("broken", ["MANIFEST=\(literal)"]))
        #expect(error?.code == .invalidManifest)
        #expect(error?.message.contains(problem) == true, "\(error?.message ?? "it was taken")")
    }

    @Test("in Swift is refused by a host that carries its own runtime; in C it is not")
    func staticRuntime() throws {
        let swift = try sample("libTopicAuditPlugin.so")
        let error = failure(of: swift, isHostStatic: true)
        #expect(error?.code == .staticRuntime)
        #expect(error?.message.contains("is written in Swift") == true)
        #expect(failure(of: swift, isHostStatic: false) == nil)
        #expect(failure(of: try Fixture.library("behaving"), isHostStatic: true) == nil)
    }

    /// A library that was built beside the tests.
    private func sample(_ name: String) throws -> String {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent(name).path
        return FileManager.default.fileExists(atPath: path)
            ? path : Bundle.main.bundleURL.appendingPathComponent(name).path
    }
}
