import Raft

/// What a message costs to encode and to decode.
func measureCodec() {
    let heartbeat = Message(.heartbeat, from: 1, to: 2, term: 300, commit: 1_000_000)
    measureCodec(heartbeat, "heartbeat", turns: 500_000)
    let entries = (1...16).map {
        Entry(term: 300, index: LogIndex(1_000_000 + UInt64($0)), payload: Payload(handle: UInt64($0), byteCount: 100))
    }
    let append = Message(
        .append, from: 1, to: 2, term: 300, logTerm: 300, index: 1_000_000, commit: 999_000, entries: entries)
    measureCodec(append, "append of 16 entries of 100 B", turns: 50_000)
}

private func measureCodec(_ message: Message, _ name: String, turns: Int) {
    let codec = MessageCodec()
    let content = [UInt8](repeating: 7, count: 128)
    var bytes: [UInt8] = []
    let encoding = measure(turns) {
        for _ in 0..<turns {
            bytes.removeAll(keepingCapacity: true)
            codec.encode(message, into: &bytes) { payload, bytes in
                content.withUnsafeBytes {
                    bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[..<payload.byteCount]))
                }
            }
        }
    }
    var sum: UInt64 = 0
    let decoding = measure(turns) {
        for _ in 0..<turns {
            let decoded = bytes.withUnsafeBytes { bytes in
                must { try codec.decode(bytes) { Payload(handle: UInt64($0.lowerBound), byteCount: $0.count) } }
            }
            sum &+= decoded.commit.value &+ UInt64(decoded.entries.count)
        }
    }
    precondition(sum != 0, "what was decoded holds what was encoded")
    report("codec, \(name), encode", nanoseconds(encoding))
    report("codec, \(name), decode", nanoseconds(decoding))
    report("codec, \(name), size", "\(bytes.count) B")
}
