public import WeirRuntime

/// Who runs components that come and go while the process runs: the runtime.
public protocol ComponentHost: Sendable {
    /// Registers and starts a component; returns when it serves.
    func addComponent(_ component: any Component) async throws

    /// Drains, flushes and stops a component, and forgets it.
    func removeComponent(_ name: String) async throws
}

extension Runtime: ComponentHost {
    /// Registers and starts a component; returns when it serves.
    public func addComponent(_ component: any Component) async throws {
        try await add(component)
    }

    /// Drains, flushes and stops a component, and forgets it.
    public func removeComponent(_ name: String) async throws {
        try await remove(name)
    }
}
