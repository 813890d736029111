import Synchronization

/// A value that is there once a component has started.
final class Holder<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)

    func set(_ value: Value) { self.value.withLock { $0 = value } }

    func get() throws -> Value {
        guard let value = value.withLock({ $0 }) else { throw NotStarted() }
        return value
    }
}

/// A component was used before its start.
struct NotStarted: Error, CustomStringConvertible {
    let description = "the back end has not started yet"
}
