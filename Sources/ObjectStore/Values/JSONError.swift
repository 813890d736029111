/// Why bytes are no JSON: what is wrong, and where.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    public let message: String
    /// The place of the byte that it is wrong at, from 0.
    public let offset: Int

    /// An error at a byte.
    public init(_ message: String, at offset: Int) {
        self.message = message
        self.offset = offset
    }

    /// What and where.
    public var description: String { "no JSON at byte \(offset): \(message)" }
}

/// What JSON is read at most.
public struct JSONLimits: Sendable, Hashable {
    /// How deep arrays and objects may lie in each other.
    public var depthMax: Int
    /// How many bytes the whole may have.
    public var bytesMax: Int

    /// Limits for somebody's own purpose.
    ///
    /// Reading takes stack for each level: more than a few hundred of them are too many for a thread's.
    public init(depthMax: Int = 128, bytesMax: Int = 16 << 20) {
        precondition((1...512).contains(depthMax), "a value is 1 to 512 levels deep: each takes stack")
        self.depthMax = depthMax
        self.bytesMax = bytesMax
    }

    /// 128 levels and 16 MiB.
    public static let standard = JSONLimits()
}
