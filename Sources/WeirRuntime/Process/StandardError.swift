#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// Standard error, written to without a stream and its lock.
enum StandardError {
    /// Writes all of `text`, or as much as is taken.
    static let write: @Sendable (String) -> Void = { text in
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite($0) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    private static func systemWrite(_ bytes: UnsafeRawBufferPointer) -> Int {
        // Without the module's name the closure above would be found.
        #if canImport(Glibc)
        Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        #else
        Musl.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        #endif
    }
}
