import Foundation
import ObjectStore
import SQLiteStorage
import StorageConformance
import Synchronization
import Testing
import WeirIO

@Suite("SQLiteStorage keeps the contract of a storage", .timeLimit(.minutes(2)))
struct ContractTests {
    @Test("in every rule", arguments: StorageContract.checks)
    func contract(_ check: ContractCheck) async throws {
        let folders = Folders()
        try await check.run(on: folders.backend)
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
