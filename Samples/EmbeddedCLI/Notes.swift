import ArgumentParser
import Logging
import ObjectStore
import SQLiteStorage
import Synchronization
import WeirRuntime
import WorkTracking

/// How a command ended by itself.
enum Ending: Sendable {
    /// It did what it was asked.
    case done
    /// It was told to stop, and says how far it came.
    case stopped(String)
}

/// Opens the store, runs one command, and ends: when the command is done, or on Ctrl-C when what it began is finished.
///
/// The command is a loop of the runtime: it looks at `scope.isStopping` between two pieces of work, and does each piece
/// as an operation of `scope.gate`. What was admitted is finished, whatever it calls; nothing new begins.
func withNotes(
    _ file: String, _ command: @escaping @Sendable (Client, HostedScope) async throws -> Ending
) async throws {
    var logger = Logger(label: "notes") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = .warning
    let runtime = Runtime(logger: logger)
    let storage = try await SQLiteStorage.open(file, clock: runtime.clock)
    let objects = ObjectsComponent(storage, collection: .off)
    objects.store.register(Note.definition)
    objects.store.register(Notebook.definition)
    try runtime.addObjects(objects)
    let result = Mutex<Result<Ending, any Error>>(.success(.done))
    try runtime.host("command", dependsOn: ["objects"]) { scope in
        do {
            let ending = try await command(Client(objects.access), scope)
            result.withLock { $0 = .success(ending) }
        } catch {
            result.withLock { $0 = .failure(error) }
        }
        runtime.beginShutdown()
    }
    let report = try await runtime.run()
    switch try result.withLock({ $0 }).get() {
    case .done:
        if report.exitCode != 0 { throw ExitCode(report.exitCode) }
    case .stopped(let message):
        say(message)
        // As shells expect of a program that a signal ended: 128 and its number.
        throw ExitCode(report.signal == "SIGTERM" ? 143 : 130)
    }
}

/// Stores a note and counts it, in one operation: both, or neither begins.
func add(_ note: Note, to client: Client, _ scope: HostedScope) async throws -> Note {
    try await scope.gate.track("add") {
        let (stored, outcome) =
            try await note.metadata.name.isEmpty
            ? (client.create(note), .created) : client.createOrUpdate(note) { $0.spec = note.spec }
        if outcome == .created {
            try await client.createOrUpdate(Notebook()) { $0.spec.noteCount += 1 }
        }
        return stored
    }
}
