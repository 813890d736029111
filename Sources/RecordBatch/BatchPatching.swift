public import NIOCore

/// Changes to a stored batch in place, as a leader makes them when it appends.
extension ByteBuffer {
    /// Gives the batch at `index` its base offset and leader epoch, which lie outside the checksum.
    public mutating func setBatchPosition(at index: Int, baseOffset: Int64, leaderEpoch: Int32) {
        setInteger(baseOffset, at: index)
        setInteger(leaderEpoch, at: index + 12)
    }

    /// Makes `timestamp` the append time of the batch at `index`, which has `header`: the flag, the largest
    /// timestamp, and with them the checksum (KIP-32).
    public mutating func setBatchAppendTime(at index: Int, _ timestamp: Int64, header: BatchHeader) {
        setInteger(header.attributes.union(.logAppendTime).rawValue, at: index + 21)
        setInteger(timestamp, at: index + 35)
        let count = header.batchSizeBytes - BatchHeader.checksummedFrom
        setInteger(Checksum.crc32c(self, at: index + BatchHeader.checksummedFrom, count: count), at: index + 17)
    }
}
