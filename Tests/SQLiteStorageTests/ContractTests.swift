import Foundation
import ObjectStore
import SQLiteStorage
import StorageConformance
import Synchronization
import Testing
import WeirIO

@Suite("SQLite as a storage")
struct ContractTests {
    @Test("SQLite keeps the contract of a storage", .timeLimit(.minutes(2)), arguments: StorageContract.checks)
    func contract(_ check: ContractCheck) async throws {
        let folders = Folders()
        try await check.run(on: folders.backend)
    }

    @Test("the store keeps its rules over SQLite", .timeLimit(.minutes(2)), arguments: ObjectStoreContract.checks)
    func rules(_ check: ContractCheck) async throws {
        let folders = Folders()
        try await check.run(on: folders.backend)
    }

    @Test("random steps over SQLite agree with a small model", .timeLimit(.minutes(30)), arguments: [1] as [UInt64])
    func model(_ seed: UInt64) async throws {
        let folders = Folders()
        let test = ModelTest(steps: ModelTest.steps(usually: 2_000), seed: seed, reopenEvery: 500)
        try await test.run(on: folders.backend)
    }
}

/// The folders of the storages of one check.
private final class Folders: Sendable {
    private let folders = Mutex<[Folder]>([])

    var backend: StorageBackend {
        StorageBackend(
            "SQLite", reopen: { try await Self.reopen($0) },
            makeForgetful: { count in try await self.make { $0.historyMax = count } },
            makeStorage: { try await self.make { _ in } })
    }

    private func make(_ change: (inout SQLiteStorage.Configuration) -> Void) async throws -> any Storage {
        let folder = try Folder()
        folders.withLock { $0.append(folder) }
        return try await folder.open(change)
    }

    private static func reopen(_ storage: any Storage) async throws -> any Storage {
        let path = try #require(storage as? SQLiteStorage).path
        try await storage.close()
        return try await SQLiteStorage.open(path, clock: SystemClock())
    }
}
