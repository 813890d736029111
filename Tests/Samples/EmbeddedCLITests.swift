import Testing

#if canImport(Glibc)
import Glibc
#endif

/// `Samples/EmbeddedCLI`, as its users run it.
@Suite("The notes tool", .serialized, .timeLimit(.minutes(2)))
struct EmbeddedCLITests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    var file: [String] { ["--file", "\(folder.path)/notes.db"] }

    func notes(_ arguments: String...) throws -> Program.Finished {
        try Program.run("EmbeddedCLI", arguments + file)
    }

    /// The notes that are stored, and how many the notebook counts.
    func stored() throws -> (notes: [String], count: Int?) {
        let listed = try notes("list")
        #expect(listed.status == .exited(0))
        var lines = listed.output.split(separator: "\n").map(String.init)
        let count = lines.popLast().flatMap { Int($0.split(separator: " ")[0]) }
        return (lines, count)
    }

    @Test("adds notes and lists them, each run a process of its own")
    func addsAndLists() throws {
        let added = try notes("add", "buy milk")
        #expect(added.status == .exited(0))
        let name = added.output.split(separator: "\n")[0]
        #expect(name.hasPrefix("note-"))
        #expect(try notes("add", "call home").status == .exited(0))
        let (lines, count) = try stored()
        #expect(count == 2)
        #expect(lines.contains("\(name)\tbuy milk"))
    }

    @Test("imports a file, once however often it is run")
    func imports() throws {
        let source = try folder.write("todo.txt", "one\ntwo\n\nthree\n")
        for _ in 0..<2 {
            let imported = try notes("import", source)
            #expect(imported.status == .exited(0))
            #expect(imported.output == "3 notes are imported\n")
        }
        let (lines, count) = try stored()
        #expect(lines == ["todo.txt-1\tone", "todo.txt-2\ttwo", "todo.txt-3\tthree"])
        #expect(count == 3)
    }

    @Test(
        "stopped in the middle of an import, has whole notes, says how many, and goes on from there",
        arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func stops(_ signal: Int32, _ code: Int32) throws {
        let total = 20_000
        let source = try folder.write("many.txt", (1...total).map { "note \($0)\n" }.joined())
        let program = try Program("EmbeddedCLI", ["import", source] + file)
        program.read(until: "imported 100 of", .error)
        program.signal(signal)
        let complaints = program.readAll(.error)
        #expect(program.exitStatus() == .exited(code))
        let last = complaints.split(separator: "\n").last.map(String.init) ?? ""
        let words = last.split(separator: " ")
        #expect(last.hasPrefix("stopped: "), "\(complaints.suffix(300))")
        #expect(last.hasSuffix(" of \(total) notes are imported; run it again for the rest"))
        let done = try #require(words.count > 1 ? Int(words[1]) : nil)
        #expect(done >= 100 && done < total)
        let (lines, count) = try stored()
        #expect(lines.count == done, "what it says is what is there")
        #expect(count == done, "no note is there without being counted")
        // The same lines and a few more: only those are new.
        let few = try folder.write("many.txt", (1...done + 5).map { "note \($0)\n" }.joined())
        #expect(try notes("import", few).output == "\(done + 5) notes are imported\n")
        #expect(try stored().count == done + 5)
    }

    @Test("watches what other processes do, and ends well on Ctrl-C")
    func watches() throws {
        _ = try notes("add", "first")
        let watching = try Program("EmbeddedCLI", ["watch"] + file)
        watching.read(until: "watching", .error)
        watching.read(until: "\tfirst\n")
        _ = try notes("add", "second")
        let printed = watching.read(until: "\tsecond\n")
        #expect(printed.split(separator: "\n").allSatisfy { $0.hasPrefix("+ note-") })
        watching.signal(SIGINT)
        #expect(watching.exitStatus() == .exited(0))
    }

    @Test("says what is wrong")
    func complains() throws {
        let missing = try notes("import", "nowhere.txt")
        #expect(missing.status == .exited(64))
        #expect(missing.complaints.contains("nowhere.txt cannot be read: No such file or directory"))
        let folderless = try Program.run("EmbeddedCLI", ["add", "x", "--file", "no/such/folder/notes.db"])
        #expect(folderless.status == .exited(1))
        #expect(folderless.complaints.contains("no/such/folder/notes.db"))
    }
}
