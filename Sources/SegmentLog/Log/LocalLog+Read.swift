import Logging
import NIOCore
import WeirRuntime

/// A fetch on its way.
struct ReadRequest {
    var offset: Int64
    var sizeBytesMax: Int
    var bound: ReadBound
    /// The last cleaned batch without records that was passed: what is returned where no record follows.
    var passed = ByteBuffer()
    /// How often the read went on behind such batches.
    var hops = 0
    var then: (Result<LogRead, LogError>) -> Void
}

extension LocalLog {
    /// Reads whole batches from the one that holds `offset`; each is checked before it is returned.
    public func read(
        from offset: Int64, sizeBytesMax: Int, bound: ReadBound,
        then: @escaping (Result<LogRead, LogError>) -> Void
    ) {
        loop.preconditionIsCurrent()
        attempt(ReadRequest(offset: offset, sizeBytesMax: sizeBytesMax, bound: bound, then: then))
    }

    /// Up to where `bound` lets a read go.
    private func end(of bound: ReadBound) -> LogPoint {
        switch bound {
        case .highWatermark: committed
        case .lastStableOffset: stablePoint
        case .logEnd: written
        }
    }

    private func attempt(_ request: ReadRequest) {
        if health == .closed { return request.then(.failure(LogError(.closed, "\(folder.path) is closed"))) }
        let offset = request.offset
        guard offset >= logStart, offset <= appended.nextOffset else {
            return request.then(
                .failure(
                    LogError(
                        .offsetOutOfRange,
                        "\(folder.path) holds offsets \(logStart) up to \(appended.nextOffset), not \(offset)")))
        }
        let end = end(of: request.bound)
        guard offset < end.nextOffset, request.sizeBytesMax > 0 else {
            return answer(request, request.passed, upTo: offset)
        }
        guard let segment = segment(holding: offset), segment.damage(at: offset) == nil else {
            return failAsDamaged(request)
        }
        guard let file = segment.file, let index = segment.index else {
            return load(segment) { [self] in
                attempt(request)
            } failed: {
                request.then(.failure($0))
            }
        }
        readCount += 1
        segment.lastRead = readCount
        let limit = segment.baseOffset == end.segment ? end.position : segment.summary.end
        guard let start = start(for: offset, in: segment, index, limit: limit), start.position < start.limit else {
            return failAsDamaged(request)
        }
        let walk = BatchWalk(
            startOffset: start.offset, offset: offset, sizeBytesMax: request.sizeBytesMax,
            runSizeBytes: Int(start.limit - start.position), epochs: epochs)
        let slack = start.offset == offset ? 0 : settings.indexIntervalBytes
        let wanted = min(walk.runSizeBytes, max(request.sizeBytesMax, StoredBatch.headerSizeBytes) &+ slack)
        readCached(request, segment, file, start, walk, wanted)
    }

    private func start(
        for offset: Int64, in segment: Segment, _ index: SegmentIndex, limit: Int64
    ) -> ReadStart? {
        if segment === active, segment.damaged.isEmpty, let exact = recent.floor(offset: offset) {
            return ReadStart(offset: exact.offset, position: exact.position, limit: limit)
        }
        return segment.start(for: offset, in: index, limit: limit)
    }

    /// Reads from the page cache; what is not there is read on one of the disk's threads.
    private func readCached(
        _ request: ReadRequest, _ segment: Segment, _ file: any DiskFile, _ start: ReadStart, _ walk: BatchWalk,
        _ wanted: Int
    ) {
        var buffer = ByteBufferAllocator().buffer(capacity: wanted)
        var count: Int?
        do throws(DiskError) {
            count = try buffer.fill(wanted) { (bytes) throws(DiskError) in
                try file.readCached(at: start.position, into: bytes)
            }
        } catch {
            return request.then(.failure(LogError(error)))
        }
        guard count != nil else { return readFromDevice(request, segment, file, start, walk, wanted) }
        switch buffer.withUnsafeReadableBytes(walk.run) {
        case .needs(let more):
            // As much as is wanted where the cache gave less, all of a batch that is larger.
            readFromDevice(request, segment, file, start, walk, max(wanted, more))
        case let outcome:
            finish(request, segment, file, start, buffer, outcome)
        }
    }

    private func readFromDevice(
        _ request: ReadRequest, _ segment: Segment, _ file: any DiskFile, _ start: ReadStart, _ walk: BatchWalk,
        _ wanted: Int
    ) {
        probe.readFromDevice()
        background({
            Result { () throws(DiskError) -> (ByteBuffer, BatchWalk.Outcome) in
                var wanted = wanted
                while true {
                    var buffer = ByteBufferAllocator().buffer(capacity: wanted)
                    let count = try buffer.fill(wanted) { (bytes) throws(DiskError) in
                        try file.read(at: start.position, into: bytes)
                    }
                    let outcome = buffer.withUnsafeReadableBytes(walk.run)
                    guard case .needs(let more) = outcome else { return (buffer, outcome) }
                    // The file ends where there should be more.
                    if more <= count ?? 0 || count ?? 0 < wanted {
                        return (buffer, .damaged(0, offset: walk.startOffset))
                    }
                    wanted = more
                }
            }
        }) { [self] result in
            switch result {
            case .success(let (buffer, outcome)): finish(request, segment, file, start, buffer, outcome)
            case .failure(let error): request.then(.failure(LogError(error)))
            }
        }
    }

    private func finish(
        _ request: ReadRequest, _ segment: Segment, _ file: any DiskFile, _ start: ReadStart, _ buffer: ByteBuffer,
        _ outcome: BatchWalk.Outcome
    ) {
        switch outcome {
        case .found(let range, let nextOffset):
            var records = buffer
            records.moveWriterIndex(to: records.readerIndex + range.upperBound)
            records.moveReaderIndex(forwardBy: range.lowerBound)
            probe.read(range.count)
            answer(request, records, upTo: nextOffset)
        case .emptied(let place, let nextOffset):
            goOn(
                request, behind: buffer.getSlice(at: buffer.readerIndex + place.lowerBound, length: place.count),
                nextOffset)
        case .damaged(let place, let offset):
            let position = start.position + Int64(place)
            investigate(segment, file, position: position, offset: offset) { [self] in attempt(request) }
        case .nothing, .needs:
            failAsDamaged(request)
        }
    }

    /// Answers that the offset lies in a damaged range; what was passed on the way there comes first.
    private func failAsDamaged(_ request: ReadRequest) {
        if request.passed.readableBytes > 0 { return answer(request, request.passed, upTo: request.offset) }
        request.then(.failure(damageError(request.offset)))
    }

    /// Looks for records behind cleaned batches. Where there are none up to the bound the last of these batches is
    /// returned, whose last offset takes the reader on (as Kafka's empty batches do).
    private func goOn(_ request: ReadRequest, behind emptied: ByteBuffer?, _ offset: Int64) {
        var request = request
        request.offset = offset
        request.passed = emptied ?? ByteBuffer()
        request.hops += 1
        if request.hops >= Self.hopsMax || offset >= end(of: request.bound).nextOffset {
            return answer(request, request.passed, upTo: offset)
        }
        attempt(request)
    }

    /// How many windows of nothing but cleaned batches a read passes before it shows one.
    private static let hopsMax = 64

    private func answer(_ request: ReadRequest, _ records: ByteBuffer, upTo nextOffset: Int64) {
        var read = LogRead(
            records: records, highWatermark: committed.nextOffset, lastStableOffset: stableOffset,
            logStartOffset: logStart)
        if request.bound == .lastStableOffset, !transactions.aborted.isEmpty {
            read.abortedTransactions = transactions.aborted.overlapping(request.offset, nextOffset)
        }
        request.then(.success(read))
    }

    func damageError(_ offset: Int64) -> LogError {
        LogError(.storage, "\(folder.path): offset \(offset) lies in a damaged range and cannot be read")
    }

    /// Bytes between `offset` and the bound; exact for the newest batches, else by the sparse index.
    public func sizeBytesReadable(from offset: Int64, bound: ReadBound) -> Int {
        loop.preconditionIsCurrent()
        let end = end(of: bound)
        guard offset >= logStart, offset < end.nextOffset, let first = place(holding: offset) else { return 0 }
        var total: Int64 = 0
        for segment in segments[first...] where segment.baseOffset <= end.segment {
            total += segment.baseOffset == end.segment ? end.position : segment.summary.end
        }
        let segment = segments[first]
        let isActive = segment === active
        let start =
            (isActive ? recent.floor(offset: offset) : nil) ?? segment.index?.floor(offset: offset)
            ?? (segment.baseOffset, 0)
        return Int(max(0, total - start.position))
    }

    // MARK: Segments

    /// The place of the last segment that begins at or below `offset`.
    private func place(holding offset: Int64) -> Int? {
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].baseOffset <= offset { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }

    /// The segment that holds `offset`; nil where its file is missing.
    func segment(holding offset: Int64) -> Segment? {
        guard let place = place(holding: offset) else { return nil }
        return offset < segments[place].summary.nextOffset ? segments[place] : nil
    }

    /// Opens a sealed segment for reading: file and indexes, which are made again where they are bad.
    func load(_ segment: Segment, then: @escaping () -> Void, failed: @escaping (LogError) -> Void) {
        // The segment may be another when the swap is over: whoever asks looks for it again.
        if isSwapping { return afterSwap.append(then) }
        let path = folder.logFile(segment.baseOffset)
        let waiter = {
            if segment.file == nil || segment.index == nil {
                failed(LogError(.storage, "\(path) cannot be opened"))
            } else {
                then()
            }
        }
        if loading[segment.baseOffset] != nil {
            loading[segment.baseOffset]?.append(waiter)
            return
        }
        loading[segment.baseOffset] = [waiter]
        let summary = segment.summary
        let (folder, settings, epochs, probe, logger) = (folder, settings, epochs, probe, logger)
        background({
            Result { () throws(DiskError) in
                let file = try folder.disk.open(folder.logFile(summary.baseOffset), .existing)
                if let index = try? folder.readIndexes(summary, intervalBytes: settings.indexIntervalBytes) {
                    return (file, index, [DamagedRange]())
                }
                probe.rebuiltIndex()
                logger.warning("\(file.path): its index was missing or damaged, and is made again")
                let (index, damaged) = try IndexRebuild(folder: folder, settings: settings).run(
                    summary, file: file, epochs: epochs)
                return (file, folder.store(index, of: summary), damaged)
            }
        }) { [self] result in
            switch result {
            case .success(let (file, index, damaged)):
                segment.file = file
                segment.index = index
                for range in damaged { note(range, in: segment) }
                readCount += 1
                segment.lastRead = readCount
                closeUnread()
            case .failure(let error):
                logger.error("\(folder.path): \(error)")
            }
            for waiter in loading.removeValue(forKey: segment.baseOffset) ?? [] { waiter() }
        }
    }

    /// Lets go of the sealed segments that were not read for longest.
    func closeUnread() {
        let open = segments.dropLast().filter { segment in
            segment.file != nil && segment.filling == nil && !unsyncedSegments.contains { $0 === segment }
        }
        guard open.count > Self.openSegmentsMax else { return }
        for segment in open.sorted(by: { $0.lastRead < $1.lastRead }).dropLast(Self.openSegmentsMax) {
            // Readers that are under way hold the file themselves.
            segment.file = nil
            segment.index = nil
        }
    }

    // MARK: Damage

    /// Finds out how far damage goes that was met at `position`.
    private func investigate(
        _ segment: Segment, _ file: any DiskFile, position: Int64, offset: Int64, then: @escaping () -> Void
    ) {
        let end = segment.summary.end
        let nextOffset = segment.summary.nextOffset
        let epoch = epochs.epoch(at: offset) ?? 0
        background({
            Result { () throws(DiskError) -> DamagedRange in
                let scanner = BatchScanner(window: FileWindow(file, end: min(end, try file.size())))
                let limit = max(offset, nextOffset)
                let found = try scanner.findNext(after: position, offsets: offset...limit, epoch: epoch)
                return DamagedRange(
                    positions: position..<(found?.position ?? end),
                    offsets: offset..<(found?.batch.baseOffset ?? limit))
            }
        }) { [self] result in
            switch result {
            case .success(let range): note(range, in: segment)
            case .failure(let error):
                // The device does not even say what is there: everything from here on counts as damaged.
                logger.error("\(file.path): \(error)")
                note(DamagedRange(positions: position..<end, offsets: offset..<max(offset, nextOffset)), in: segment)
            }
            then()
        }
    }

    private func note(_ range: DamagedRange, in segment: Segment) {
        guard segment.addDamage(range) else { return }
        probe.found(range, in: identity)
        logger.error(
            """
            \(folder.logFile(segment.baseOffset)): bytes \(range.positions.lowerBound) to \
            \(range.positions.upperBound) are damaged; offsets \(range.offsets.lowerBound) up to \
            \(range.offsets.upperBound) cannot be read. What lies before and after is served; restore the file from a \
            copy to get them back
            """)
    }
}

extension LogFolder {
    /// Seals a rebuilt index and stores it, where the disk lets it.
    func store(_ index: SegmentIndex, of summary: SegmentSummary) -> SegmentIndex {
        var index = index
        index.seal(nextOffset: summary.nextOffset, position: summary.end, nextIndex: summary.nextIndex)
        let base = summary.baseOffset
        try? writeIndex(offsetIndexFile(base), index.offsets[...], baseOffset: base)
        try? writeIndex(timeIndexFile(base), index.times[...], baseOffset: base)
        return index
    }
}

extension ByteBuffer {
    /// Lets `body` fill up to `count` bytes. Returns how many it did; nil where it gave none.
    fileprivate mutating func fill(
        _ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws(DiskError) -> Int?
    ) throws(DiskError) -> Int? {
        var outcome: Result<Int?, DiskError> = .success(nil)
        writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
            do throws(DiskError) {
                let filled = try body(UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]))
                outcome = .success(filled)
                return filled ?? 0
            } catch {
                outcome = .failure(error)
                return 0
            }
        }
        return try outcome.get()
    }
}
