public import ObjectStore

/// A backend to be checked: how an empty storage of it is made, and how one is opened again.
///
/// ```swift
/// let backend = StorageBackend("postgres") { try await PostgresStorage(schema: fresh()) }
///
/// @Test(arguments: StorageContract.checks)
/// func contract(_ check: ContractCheck) async throws { try await check.run(on: backend) }
/// ```
public struct StorageBackend: Sendable, CustomStringConvertible {
    /// What it is called in messages.
    public var name: String
    /// Makes a new, empty storage.
    public var makeStorage: @Sendable () async throws -> any Storage
    /// Makes a new, empty storage that remembers about so many changes for watchers; nil: it has no such setting, and
    /// checks that need it are left out.
    public var makeForgetful: (@Sendable (Int) async throws -> any Storage)?
    /// Closes a storage and opens what it kept; nil: it keeps nothing, and checks that need it are left out.
    public var reopen: (@Sendable (any Storage) async throws -> any Storage)?
    /// Removes what `makeStorage` left behind, after the storage was closed.
    public var discard: @Sendable (any Storage) async throws -> Void

    /// A backend by its name.
    public init(
        _ name: String, reopen: (@Sendable (any Storage) async throws -> any Storage)? = nil,
        makeForgetful: (@Sendable (Int) async throws -> any Storage)? = nil,
        discard: @escaping @Sendable (any Storage) async throws -> Void = { _ in },
        makeStorage: @escaping @Sendable () async throws -> any Storage
    ) {
        self.name = name
        self.makeStorage = makeStorage
        self.makeForgetful = makeForgetful
        self.reopen = reopen
        self.discard = discard
    }

    /// The name.
    public var description: String { name }
}

/// One rule that every backend keeps, and what finds out whether one does.
public struct ContractCheck: Sendable, CustomStringConvertible {
    /// The rule, as a sentence.
    public let name: String
    private let body: @Sendable (StorageBackend) async throws -> Void

    /// A rule about a storage that is made for it and closed after it.
    init(_ name: String, _ body: @escaping @Sendable (any Storage) async throws -> Void) {
        self.init(backend: name) { backend in
            try await Self.using(backend, try await backend.makeStorage(), body)
        }
    }

    /// A rule about a storage that soon forgets what changed.
    init(
        _ name: String, remembering count: Int, _ body: @escaping @Sendable (any Storage) async throws -> Void
    ) {
        self.init(backend: name) { backend in
            guard let make = backend.makeForgetful else { return }
            try await Self.using(backend, try await make(count), body)
        }
    }

    /// A rule about a backend.
    init(backend name: String, _ body: @escaping @Sendable (StorageBackend) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Throws a `ContractViolation` where the backend does not keep the rule.
    ///
    /// A backend that never answers makes it wait for ever: give the test a time limit.
    public func run(on backend: StorageBackend) async throws {
        do {
            try await body(backend)
        } catch {
            throw ContractViolation("\(backend): \(name): \(error)")
        }
    }

    /// The rule.
    public var description: String { name }

    static func using(
        _ backend: StorageBackend, _ storage: any Storage, _ body: (any Storage) async throws -> Void
    ) async throws {
        do {
            try await body(storage)
        } catch {
            try? await storage.close()
            try? await backend.discard(storage)
            throw error
        }
        try await storage.close()
        try await backend.discard(storage)
    }
}

/// What a backend does otherwise than its contract says.
public struct ContractViolation: Error, CustomStringConvertible {
    /// The rule, and what was found instead.
    public let description: String

    /// A violation with its sentence.
    public init(_ description: String) {
        self.description = description
    }
}
