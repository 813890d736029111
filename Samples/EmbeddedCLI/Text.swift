import ArgumentParser

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Tells the person at the terminal something, apart from what the program prints.
func say(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Hands on what was printed, also where it goes to a pipe.
func flushOutput() { fflush(nil) }

/// The lines of a file that are not empty.
func readLines(_ path: String) throws -> [String] {
    guard let file = fopen(path, "r") else {
        throw ValidationError("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
}

extension String {
    /// The text as a name that the store takes: small letters, digits, `-` and `.`, a letter or digit at both ends.
    var nameInStore: String {
        let allowed = lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") ? $0 : "-" }
        let trimmed = allowed.drop { !$0.isLetter && !$0.isNumber }
        return trimmed.isEmpty ? "import" : String(trimmed.prefix(200))
    }
}
