/// Finalizers: who still has something to do before an object may go.
extension ObjectMetadata {
    /// Whether the object waits for this finalizer before it goes.
    public func hasFinalizer(_ finalizer: String) -> Bool { finalizers.contains(finalizer) }

    /// Makes the object wait for this finalizer.
    ///
    /// - Returns: Whether it did not already: then the object has to be written.
    @discardableResult
    public mutating func addFinalizer(_ finalizer: String) -> Bool {
        guard !hasFinalizer(finalizer) else { return false }
        finalizers.append(finalizer)
        return true
    }

    /// Says that this finalizer has done what it had to do.
    ///
    /// - Returns: Whether the object waited for it: then the object has to be written.
    @discardableResult
    public mutating func removeFinalizer(_ finalizer: String) -> Bool {
        let count = finalizers.count
        finalizers.removeAll { $0 == finalizer }
        return finalizers.count != count
    }
}
