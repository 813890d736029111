import Glibc
import WeirIO
package import WeirRuntime

extension DiskError {
    /// Why, in the system's own words: "no such file or directory".
    package var reason: String {
        guard errno != 0, let text = strerror(errno) else { return description }
        let words = String(cString: text)
        return words.prefix(1).lowercased() + words.dropFirst()
    }
}

/// Whole small files through the Disk port.
package enum TextFile {
    package static func read(_ path: String, _ disk: any Disk = SystemDisk()) throws(DiskError) -> String {
        let file = try disk.open(path, .readOnly)
        defer { file.close() }
        let size = Int(try file.size())
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, size), alignment: 1)
        defer { buffer.deallocate() }
        var count = 0
        while count < size {
            let got = try file.read(
                at: Int64(count), into: UnsafeMutableRawBufferPointer(rebasing: buffer[count..<size]))
            if got == 0 { break }
            count += got
        }
        return String(decoding: UnsafeRawBufferPointer(rebasing: buffer[..<count]), as: UTF8.self)
    }

    static func write(_ bytes: ArraySlice<UInt8>, to file: any DiskFile, at offset: Int64) throws(DiskError) -> Int {
        var result: Result<Int, DiskError> = .success(0)
        bytes.withUnsafeBytes { buffer in
            do throws(DiskError) {
                result = .success(try file.write(at: offset, [buffer]))
            } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }
}
