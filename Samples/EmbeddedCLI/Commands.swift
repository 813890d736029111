import ArgumentParser
import ObjectStore
import WeirRuntime
import WorkTracking

@main
struct Notes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notes", abstract: "Keeps notes in a file; stops cleanly on Ctrl-C.",
        subcommands: [Add.self, List.self, Import.self, Watch.self])
}

struct StoreOptions: ParsableArguments {
    @Option(help: "The file that notes are kept in.")
    var file = "notes.db"
}

struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Adds a note.")
    @OptionGroup var store: StoreOptions
    @Argument(help: "What it says.") var text: String

    func run() async throws {
        try await withNotes(store.file) { [text] client, scope in
            let note = try await add(Note(text: text), to: client, scope)
            print(note.metadata.name)
            return .done
        }
    }
}

struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints all notes, and how many there are.")
    @OptionGroup var store: StoreOptions

    func run() async throws {
        try await withNotes(store.file) { client, scope in
            var page = try await client.list(Note.self, limit: 500)
            while true {
                for note in page { print("\(note.metadata.name)\t\(note.spec.text)") }
                guard let next = page.continueToken, !scope.isStopping else { break }
                page = try await client.list(Note.self, limit: 500, continueToken: next)
            }
            let notebook = try await client.createOrUpdate(Notebook()) { _ in }.resource
            print("\(notebook.spec.noteCount) notes")
            return .done
        }
    }
}

struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Adds a note for each line of a file.",
        discussion: """
            Ctrl-C stops it after the note that it is at, and says how many were imported; run again, it goes on with \
            the rest.
            """)
    @OptionGroup var store: StoreOptions
    @Argument(help: "The file with the notes.") var source: String

    func run() async throws {
        let lines = try readLines(source)
        let stem = source.split(separator: "/").last.map(String.init)?.nameInStore ?? "import"
        try await withNotes(store.file) { client, scope in
            var done = 0
            for (index, line) in lines.enumerated() {
                guard !scope.isStopping else { break }
                do {
                    _ = try await add(Note("\(stem)-\(index + 1)", text: line), to: client, scope)
                } catch let refusal as WorkRejected where refusal.reason == .draining {
                    break
                }
                done += 1
                if done % 100 == 0 { say("imported \(done) of \(lines.count)") }
            }
            guard done == lines.count else {
                return .stopped("stopped: \(done) of \(lines.count) notes are imported; run it again for the rest")
            }
            print("\(done) notes are imported")
            return .done
        }
    }
}

struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints notes as they come and go, also those of other processes, until Ctrl-C.")
    @OptionGroup var store: StoreOptions

    func run() async throws {
        try await withNotes(store.file) { client, scope in
            let watch = try await client.watch(Note.self)
            say("watching")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await scope.stopRequested()
                    watch.cancel()
                }
                for try await event in watch {
                    switch event.change {
                    case .added(let note): print("+ \(note.metadata.name)\t\(note.spec.text)")
                    case .modified(let note): print("~ \(note.metadata.name)\t\(note.spec.text)")
                    case .deleted(let note): print("- \(note.metadata.name)")
                    case .bookmark: break
                    }
                    flushOutput()
                }
                group.cancelAll()
            }
            return .done
        }
    }
}
