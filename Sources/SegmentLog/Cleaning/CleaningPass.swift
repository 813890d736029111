import NIOCore
import RecordBatch
import WeirRuntime

/// What a pass goes over, as the log's loop found it.
struct CleaningPlan: Sendable {
    /// Sealed segments from the log's first one on, in the order of their offsets.
    var segments: [SegmentSummary]
    /// Where the part begins that was never cleaned.
    var dirtyFrom: Int64
    /// What a group of segments may have in bytes (`segment.bytes`).
    var groupSizeBytesMax: Int64
    var indexIntervalBytes: Int
    var rules: CleaningRules

    /// Segments in a row that together fit into one, up to the one that holds the offset before `end`.
    func groups(upTo end: Int64) -> [[SegmentSummary]] {
        var groups: [[SegmentSummary]] = []
        for segment in segments where segment.baseOffset < end {
            guard let first = groups.last?.first, let group = groups.last,
                group.reduce(segment.end, { $0 + $1.end }) <= groupSizeBytesMax,
                segment.nextOffset - first.baseOffset <= Int64(Int32.max),
                segment.nextIndex - first.firstIndex <= Int64(Int32.max)
            else {
                groups.append([segment])
                continue
            }
            groups[groups.count - 1].append(segment)
        }
        return groups
    }
}

/// One pass of compaction, in steps of a few megabytes: first the dirty segments are read for their keys, then all are
/// read again and written anew, group by group (Kafka's Cleaner).
///
/// It touches nothing but files of its own: `finishedGroup` says that a segment is ready to take others' place.
///
/// `@unchecked Sendable`: the log's loop hands it to one of the disk's threads for a step and takes it back after it; one
/// at a time has it.
final class CleaningPass: @unchecked Sendable {
    /// What a step came to.
    enum Step: Sendable {
        /// There is more to do.
        case more
        /// A segment is written.
        case finishedGroup(CleanedGroup)
        /// The pass is over.
        case finished
    }

    /// A segment that was written, and those whose place it is to take.
    struct CleanedGroup: Sendable {
        var replaced: [SegmentSummary]
        var summary: SegmentSummary
        var index: SegmentIndex
        /// Markers of aborted transactions without data in it, by their offsets.
        var emptyAborts: [Int64]
        /// Whether anything is different from what was there.
        var isChanged: Bool
    }

    private enum Phase {
        case mapping(segment: Int, SegmentSource?)
        case group(Int, segment: Int, SegmentSource?, CleanedSegment?)
        case done
    }

    let plan: CleaningPlan
    private let folder: LogFolder
    private let limits: CleaningLimits
    private var scan: KeyScan
    private var sieve: BatchSieve?
    private var groups: [[SegmentSummary]] = []
    private var phase: Phase
    private var isChanged = false
    /// Base offsets of the segments that others took the place of.
    private var swapped: Set<Int64> = []
    private(set) var outcome = CleaningOutcome()

    /// What one step reads at most, but for the batch that it ends with.
    private static let stepSizeBytes: Int64 = 4 << 20

    init(_ plan: CleaningPlan, in folder: LogFolder, limits: CleaningLimits) {
        self.plan = plan
        self.folder = folder
        self.limits = limits
        let map = OffsetMap(sizeBytesMax: limits.mapSizeBytesMax, load: limits.mapLoadMax)
        scan = KeyScan(
            map: map, hashKey: limits.hashKey, dirtyFrom: plan.dirtyFrom, isAborted: plan.rules.isAborted)
        let first = plan.segments.firstIndex { $0.nextOffset > plan.dirtyFrom }
        phase = .mapping(segment: first ?? plan.segments.count, nil)
        outcome.segmentsBefore = plan.segments.count
        outcome.segmentsAfter = plan.segments.count
    }

    /// Where the log is clean up to when the pass is over.
    var cleanOffset: Int64 { scan.end }

    /// Bytes read and written so far.
    var workBytes: Int64 { outcome.readBytes + outcome.writtenBytes }

    /// Goes on for a few megabytes. Blocking.
    func step() throws(CleaningFailure) -> Step {
        switch phase {
        case .mapping(let segment, let source):
            try map(segment, source)
            return .more
        case .group(let group, let segment, let source, let cleaned):
            return try clean(group, segment, source, cleaned)
        case .done:
            return .finished
        }
    }

    /// Notes that a segment took the place of others.
    func noteSwapped(_ group: CleanedGroup) { swapped.formUnion(group.replaced.map(\.baseOffset)) }

    /// Whether another took the segment's place.
    func isSwapped(_ segment: SegmentSummary) -> Bool { swapped.contains(segment.baseOffset) }

    /// Removes what was written and is of no use. Blocking.
    func discard() {
        for group in groups where !swapped.contains(group[0].baseOffset) { folder.discardCleaned(group[0].baseOffset) }
    }

    // MARK: The keys

    private func map(_ segment: Int, _ source: SegmentSource?) throws(CleaningFailure) {
        guard segment < plan.segments.count, !scan.isFull else { return startGroups() }
        var source = try goOn(source, plan.segments[segment])
        let before = source.position
        defer { outcome.readBytes += source.position - before }
        while source.position - before < Self.stepSizeBytes, !scan.isFull {
            guard let (batch, bytes) = try source.next() else {
                phase = .mapping(segment: segment + 1, nil)
                return
            }
            if !batch.isInternal { scan.take(batch, bytes) }
        }
        phase = .mapping(segment: segment, source)
    }

    private func startGroups() {
        var rules = plan.rules
        rules.mapEnd = scan.end
        sieve = BatchSieve(rules: rules, map: scan.map, hashKey: limits.hashKey)
        groups = plan.groups(upTo: scan.end)
        outcome.cleanOffset = scan.end
        phase = groups.isEmpty ? .done : .group(0, segment: 0, nil, nil)
    }

    // MARK: The segments

    private func clean(
        _ group: Int, _ segment: Int, _ source: SegmentSource?, _ cleaned: CleanedSegment?
    ) throws(CleaningFailure) -> Step {
        var source = try goOn(source, groups[group][segment])
        var cleaned = cleaned
        let before = source.position
        defer { outcome.readBytes += source.position - before }
        while source.position - before < Self.stepSizeBytes {
            guard let (batch, bytes) = try source.next() else {
                return try finish(group, segment, cleaned)
            }
            if source.position == Int64(batch.sizeBytes) {
                if cleaned == nil { cleaned = try begin(group, bytes) } else { isChanged = true }
                continue
            }
            do throws(DiskError) {
                try pass(batch, bytes, &cleaned)
            } catch {
                throw .disk(error)
            }
        }
        phase = .group(group, segment: segment, source, cleaned)
        return .more
    }

    private func begin(_ group: Int, _ header: UnsafeRawBufferPointer) throws(CleaningFailure) -> CleanedSegment {
        isChanged = false
        do throws(DiskError) {
            return try CleanedSegment(
                groups[group][0], header: header, in: folder, indexIntervalBytes: plan.indexIntervalBytes,
                bufferSizeBytes: limits.bufferSizeBytes)
        } catch {
            throw .disk(error)
        }
    }

    /// Puts through what is left of a batch.
    private func pass(
        _ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer, _ cleaned: inout CleanedSegment?
    ) throws(DiskError) {
        if batch.isInternal {
            try cleaned?.append(batch, bytes)
            return
        }
        switch sieve?.sift(batch, bytes) {
        case .kept, nil:
            try cleaned?.append(batch, bytes)
        case .emptied:
            if !batch.isEmptiedRun { isChanged = true }
            try cleaned?.appendEmptied(batch)
        case .replaced(let replacement):
            isChanged = true
            var failure: DiskError?
            replacement.withUnsafeReadableBytes { raw in
                guard let batch = StoredBatch(raw) else { preconditionFailure("a batch that was built has a header") }
                do throws(DiskError) { try cleaned?.append(batch, raw) } catch { failure = error }
            }
            if let failure { throw failure }
        }
    }

    private func finish(
        _ group: Int, _ segment: Int, _ cleaned: CleanedSegment?
    ) throws(CleaningFailure) -> Step {
        if segment + 1 < groups[group].count {
            phase = .group(group, segment: segment + 1, nil, cleaned)
            return .more
        }
        guard var cleaned, let last = groups[group].last else {
            preconditionFailure("a group has a segment, and a segment has a header")
        }
        do throws(DiskError) { try cleaned.finish(nextIndex: last.nextIndex) } catch { throw .disk(error) }
        outcome.writtenBytes += cleaned.summary.end
        outcome.reclaimedBytes += groups[group].reduce(0) { $0 + $1.end } - cleaned.summary.end
        outcome.segmentsAfter -= groups[group].count - 1
        noteRecords()
        phase = group + 1 < groups.count ? .group(group + 1, segment: 0, nil, nil) : .done
        return .finishedGroup(
            CleanedGroup(
                replaced: groups[group], summary: cleaned.summary, index: cleaned.index,
                emptyAborts: takeEmptyAborts(), isChanged: isChanged))
    }

    private func takeEmptyAborts() -> [Int64] {
        defer { sieve?.emptyAborts = [] }
        return sieve?.emptyAborts ?? []
    }

    private func noteRecords() {
        guard let sieve else { return }
        outcome.keptRecords = sieve.keptRecords
        outcome.droppedRecords = sieve.droppedRecords
        outcome.unreadableBatches = sieve.unreadableBatches
    }

    private func goOn(
        _ source: SegmentSource?, _ segment: SegmentSummary
    ) throws(CleaningFailure) -> SegmentSource {
        if let source { return source }
        return try SegmentSource(segment, in: folder, bufferSizeBytes: limits.bufferSizeBytes)
    }
}
