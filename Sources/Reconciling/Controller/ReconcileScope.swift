internal import Logging
internal import ObjectStore
internal import Synchronization
internal import WeirRuntime
internal import WorkTracking

/// What all reconciles of one reconciler share.
final class ReconcileScope: Sendable {
    let client: Client
    let events: EventRecorder
    let logger: Logger
    let clock: any Clock
    let gate: Gate
    /// When a drain will cancel what still runs; nil while none with a deadline runs.
    private let cancelDate = Mutex<MonotonicTime?>(nil)

    init(client: Client, events: EventRecorder, logger: Logger, clock: any Clock, gate: Gate) {
        self.client = client
        self.events = events
        self.logger = logger
        self.clock = clock
        self.gate = gate
    }

    var isDraining: Bool { gate.isClosed }

    var drainDeadline: MonotonicTime? {
        get { gate.isClosed ? cancelDate.withLock { $0 } : nil }
        set { cancelDate.withLock { $0 = newValue } }
    }
}
