internal import Logging
internal import SegmentLog
internal import Synchronization
public import WeirRuntime
internal import WorkTracking

/// Cleans the logs of compacted topics: the one with the largest dirty part first, a few at a time.
///
/// Kafka's LogCleaner. A log that is damaged is named by its own metrics and left alone; the others go on.
final class LogCleaner: Sendable {
    private struct State {
        /// Partitions that a pass is under way in.
        var busy: [ObjectIdentifier: ServedPartition] = [:]
        /// For the rate that was set last.
        var pace = CleaningPace()
        var rate = Double.infinity
    }

    private let broker: Broker
    private let scope: HostedScope
    private let state = Mutex(State())

    init(_ broker: Broker, _ scope: HostedScope) {
        self.broker = broker
        self.scope = scope
    }

    /// Looks for logs and cleans them until the scope is told to stop: then the passes under way are given up.
    func run(passCount: Int) async {
        await withTaskGroup { group in
            for _ in 0..<passCount { group.addTask { await self.work() } }
            group.addTask {
                await self.scope.stopRequested()
                for partition in self.state.withLock({ Array($0.busy.values) }) {
                    partition.loop.execute { partition.log?.stopCleaning() }
                }
            }
        }
    }

    /// One after another; waits where nothing is due.
    private func work() async {
        while !scope.isStopping {
            if let partition = await claim() {
                defer { state.withLock { $0.busy[ObjectIdentifier(partition)] = nil } }
                do {
                    try await scope.gate.track("pass", lineage: .leaf) { await self.clean(partition) }
                    continue
                } catch {
                    // Refused: read-only for now, or the drain began meanwhile.
                }
            }
            guard await scope.sleep(for: .milliseconds(broker.settings.cleaner.backoffMilliseconds)) else { return }
        }
    }

    /// The partition to be cleaned next; nil: none is due.
    private func claim() async -> ServedPartition? {
        let now = broker.clock.wallMilliseconds
        var best: (partition: ServedPartition, ratio: Double)?
        for partition in broker.partitions.snapshot().partitions {
            if state.withLock({ $0.busy[ObjectIdentifier(partition)] != nil }) { continue }
            let need = await partition.loop.run { partition.log?.cleaning(wallMilliseconds: now) ?? .none }
            guard need.isDue, need.dirtyRatio > best?.ratio ?? -1 else { continue }
            best = (partition, need.dirtyRatio)
        }
        guard let partition = best?.partition else { return nil }
        let isOurs = state.withLock { $0.busy.updateValue(partition, forKey: ObjectIdentifier(partition)) == nil }
        return isOurs ? partition : await claim()
    }

    private func clean(_ partition: ServedPartition) async {
        let limits = limits
        let result =
            await withCheckedContinuation { continuation in
                partition.loop.execute {
                    // Who stops passes has looked through them already.
                    guard let log = partition.log, !self.scope.isStopping else {
                        return continuation.resume(returning: nil)
                    }
                    log.clean(limits) { continuation.resume(returning: $0) }
                }
            } as Result<CleaningOutcome, LogError>?
        let name = partition.identity.directoryName
        switch result {
        case .success(let outcome) where outcome.wasStopped || outcome.readBytes == 0:
            scope.logger.debug("\(name): cleaning was given up")
        case .success(let outcome):
            scope.logger.info(
                """
                \(name): cleaned up to offset \(outcome.cleanOffset) in \(outcome.duration.milliseconds) ms, \
                \(outcome.droppedRecords) records dropped and \(outcome.keptRecords) kept, \
                \(outcome.segmentsBefore) segments became \(outcome.segmentsAfter), \
                \(outcome.reclaimedBytes) bytes less
                """)
        case .failure(let error) where error.code == .storage:
            scope.logger.error("\(name) is not cleaned any more until it is opened again: \(error)")
        case .failure(let error):
            scope.logger.warning("\(name) could not be cleaned, which is tried again: \(error)")
            // Not at once: a full disk does not change so soon.
            _ = await scope.sleep(for: .milliseconds(broker.settings.cleaner.backoffMilliseconds))
        case nil:
            break
        }
    }

    /// One pass's share, by the settings as they are now.
    private var limits: CleaningLimits {
        let settings = broker.settings.cleaner
        let count = max(settings.passCount, 1)
        let pace = state.withLock { state in
            if state.rate != settings.sizeBytesPerSecondMax {
                state.rate = settings.sizeBytesPerSecondMax
                state.pace = CleaningPace(sizeBytesPerSecondMax: settings.sizeBytesPerSecondMax)
            }
            return state.pace
        }
        var limits = CleaningLimits(hashKey: HashKey(ProcessRandom.bits(), ProcessRandom.bits()), pace: pace)
        limits.mapSizeBytesMax = min(settings.mapSizeBytesMax / count, Int(Int32.max))
        limits.mapLoadMax = settings.mapLoadMax
        limits.bufferSizeBytes = max(settings.bufferSizeBytes / count / 2, 4096)
        return limits
    }
}

extension Broker {
    /// Cleans the logs of compacted topics until the scope is told to stop, if `log.cleaner.enable` says so.
    public func runCleaner(_ scope: HostedScope) async {
        let settings = settings.cleaner
        guard settings.isEnabled, settings.passCount > 0 else { return await scope.stopRequested() }
        await LogCleaner(self, scope).run(passCount: settings.passCount)
    }
}
