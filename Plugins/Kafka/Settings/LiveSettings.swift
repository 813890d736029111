internal import Synchronization

/// The broker's settings as they are now: some of them change while the node runs.
///
/// From any thread. A request reads them once and goes on with what it read.
final class LiveSettings: Sendable {
    private let value: Mutex<BrokerSettings>

    init(_ settings: BrokerSettings) {
        value = Mutex(settings)
    }

    /// The settings as they are now.
    var current: BrokerSettings { value.withLock { $0 } }

    /// Takes other settings into use; whether they are others.
    func replace(with settings: BrokerSettings) -> Bool {
        value.withLock { value in
            defer { value = settings }
            return value != settings
        }
    }
}
