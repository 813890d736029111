import ObjectStore
import StorageConformance
import Testing

@Suite("Memory as a storage")
struct MemoryStorageContractTests {
    static let backend = StorageBackend("memory", makeForgetful: { MemoryStorage(historyMax: $0) }) { MemoryStorage() }

    @Test("memory keeps the contract of a storage", .timeLimit(.minutes(1)), arguments: StorageContract.checks)
    func contract(_ check: ContractCheck) async throws {
        try await check.run(on: Self.backend)
    }

    @Test("the store keeps its rules over memory", .timeLimit(.minutes(1)), arguments: ObjectStoreContract.checks)
    func rules(_ check: ContractCheck) async throws {
        try await check.run(on: Self.backend)
    }

    @Test("random steps over memory agree with a small model", .timeLimit(.minutes(5)), arguments: [1, 2] as [UInt64])
    func model(_ seed: UInt64) async throws {
        try await ModelTest(steps: ModelTest.steps(usually: 10_000), seed: seed).run(on: Self.backend)
    }
}
