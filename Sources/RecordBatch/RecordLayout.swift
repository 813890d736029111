/// Where the parts of one record lie in the uncompressed bytes of its batch.
///
/// Finding them allocates nothing: this is what validation goes over.
struct RecordLayout {
    /// The fewest bytes that a record takes: length, attributes, deltas, two lengths and a count.
    static let sizeBytesMin = 7

    /// Where its attributes are.
    let attributes: Int
    let timestampDelta: Int64
    /// Where what follows the timestamp begins.
    let afterTimestamp: Int
    let offsetDelta: Int32
    /// Nil: null.
    let key: Range<Int>?
    /// Nil: null.
    let value: Range<Int>?
    let headerCount: Int
    /// Where the first header begins.
    let headers: Int
    /// Where the next record begins.
    let end: Int

    /// Reads the record that begins at `start`; throws where the bytes are none.
    init(_ bytes: UnsafeRawBufferPointer, at start: Int) throws(BatchError) {
        var at = start
        guard let length = Varint.read32(bytes, at: &at), length >= 0, Int(length) <= bytes.count - at else {
            throw Self.damaged
        }
        end = at + Int(length)
        let record = UnsafeRawBufferPointer(rebasing: bytes[..<end])
        attributes = at
        at += 1  // None is defined.
        guard let timestampDelta = Varint.read64(record, at: &at) else { throw Self.damaged }
        self.timestampDelta = timestampDelta
        afterTimestamp = at
        guard let offsetDelta = Varint.read32(record, at: &at) else { throw Self.damaged }
        self.offsetDelta = offsetDelta
        key = try Self.field(record, at: &at)
        value = try Self.field(record, at: &at)
        // A header takes two bytes at least: a larger count would reserve more than the bytes justify.
        guard let count = Varint.read32(record, at: &at), count >= 0, Int(count) <= (end - at) / 2 else {
            throw Self.damaged
        }
        headerCount = Int(count)
        headers = at
        for _ in 0..<count { _ = try Self.header(record, at: &at) }
        guard at == end else { throw Self.damaged }
    }

    /// The header at `offset`, which is moved behind it; `record` ends where the record does.
    static func header(
        _ record: UnsafeRawBufferPointer, at offset: inout Int
    ) throws(BatchError) -> (name: Range<Int>, value: Range<Int>?) {
        guard let name = try field(record, at: &offset) else { throw damaged }
        return (name, try field(record, at: &offset))
    }

    private static func field(_ record: UnsafeRawBufferPointer, at offset: inout Int) throws(BatchError) -> Range<Int>?
    {
        guard let length = Varint.read32(record, at: &offset), length >= -1, Int(length) <= record.count - offset else {
            throw damaged
        }
        if length == -1 { return nil }
        defer { offset += Int(length) }
        return offset..<offset + Int(length)
    }

    private static var damaged: BatchError { BatchError(.invalid, "a record's lengths contradict its bytes") }
}
