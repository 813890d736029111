import Foundation
import Testing

/// The transcripts beside these tests: what happened once, to be read, and to happen again.
enum TranscriptFolder {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appendingPathComponent("Transcripts")

    /// The transcripts whose names begin so.
    static func names(_ beginnings: String...) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { name in beginnings.contains { name.hasPrefix($0) } }.sorted()
    }

    /// Expects `run` to give what the transcript tells.
    ///
    /// With `WEIR_RECORD_TRANSCRIPTS` set, what happens is written down instead, to be read before it is committed.
    static func check(_ name: String, _ run: (String) throws -> String) throws {
        let file = folder.appendingPathComponent(name)
        let told = try String(contentsOf: file, encoding: .utf8)
        let happened = try run(told)
        if ProcessInfo.processInfo.environment["WEIR_RECORD_TRANSCRIPTS"] != nil {
            try happened.write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(happened == told)
        }
    }
}
