import Foundation
import GRDB
import ObjectStore
import SQLiteStorage
import Testing
import WeirIO
import WeirRuntime
import WeirSimulation

/// A folder that goes with the test.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/weir-sqlite-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// A file's path in the folder.
    func file(_ name: String = "objects.sqlite") -> String { "\(path)/\(name)" }

    /// A storage on the folder's file.
    func open(
        clock: any WeirRuntime.Clock = SystemClock(),
        _ change: (inout SQLiteStorage.Configuration) -> Void = { _ in }
    ) async throws -> SQLiteStorage {
        var configuration = SQLiteStorage.Configuration()
        change(&configuration)
        return try await SQLiteStorage.open(file(), configuration: configuration, clock: clock)
    }

    /// A connection that knows nothing of Weir.
    func connection() throws -> DatabaseQueue { try DatabaseQueue(path: file()) }
}

/// An object of the tests.
func object(_ name: String, kind: String = "Widget", size: Int64 = 0, labels: [String: String] = [:]) -> Object {
    var object = Object(
        apiVersion: "test/v1", kind: kind,
        metadata: ObjectMetadata(name: name, namespace: "default", labels: labels),
        content: ["spec": ["size": .integer(size)]])
    object.metadata.uid = "uid-of-\(name)"
    return object
}

/// Takes events until there are `count`.
func events(_ count: Int, of stream: WatchStream) async throws -> [WatchEvent] {
    var taken: [WatchEvent] = []
    while taken.count < count, let batch = try await stream.nextBatch() { taken += batch }
    return taken
}

/// Everything, from the beginning.
let everything = WatchQuery(ObjectSelection())

/// The error of a call that must fail.
func failure<Value>(_ body: () async throws -> Value) async -> ObjectError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? ObjectError
    }
}
