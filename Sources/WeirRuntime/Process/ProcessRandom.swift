internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// The kernel's random numbers, for programs that embed the runtime without WeirIO.
public enum ProcessRandom {
    /// Asked of the kernel by the dozen: a call for each number costs more than what most are used for.
    private static let words = Mutex<[UInt64]>([])

    /// Sixty-four bits that nobody can foretell.
    ///
    /// A process that is forked off without an exec gets the numbers of its parent.
    public static func bits() -> UInt64 {
        words.withLock { words in
            if let word = words.popLast() { return word }
            words = (0..<32).map { _ in 0 }
            // As many bytes as the kernel gives in one piece.
            let failure = words.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) }
            precondition(failure == 0, "the kernel gives no random numbers: \(errno)")
            return words.removeLast()
        }
    }
}
