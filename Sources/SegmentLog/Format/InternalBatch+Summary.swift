package import NIOCore

/// What an internal batch is, for people: `header of log …`; nil where the bytes are none that is known here.
package func internalBatchSummary(_ batch: ByteBuffer) -> String? {
    batch.withUnsafeReadableBytes { bytes in
        switch InternalBatch(bytes) {
        case .header: "header"
        case .empty: "new leader"
        case .configuration(let bytes): "configuration (\(bytes.count) bytes)"
        case .logStart(let offset): "log start \(offset)"
        case nil: nil
        }
    }
}

/// What a transaction's marker says, for people: `commit (coordinator epoch 3)`; nil where the batch is none.
package func transactionMarkerSummary(_ batch: ByteBuffer) -> String? {
    batch.withUnsafeReadableBytes { bytes in
        guard let fields = StoredBatch(bytes), let marker = MarkerBatch.decode(fields, bytes) else { return nil }
        return "\(marker.isCommit ? "commit" : "abort") (coordinator epoch \(marker.coordinatorEpoch))"
    }
}
