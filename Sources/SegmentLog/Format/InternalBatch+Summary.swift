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
