import Foundation
import Testing

@Suite("Groups of KIP-848, told by transcripts")
struct ConsumerTranscriptTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Transcripts")

    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasPrefix("consumer") }.sorted()
    }()

    @Test("transcripts are found")
    func found() { #expect(Self.names.count >= 6) }

    /// With `WEIR_RECORD_TRANSCRIPTS` set, what happens is written down instead, to be read before it is committed.
    @Test("what is told is what happens", arguments: names)
    func transcript(_ name: String) throws {
        let file = Self.folder.appendingPathComponent(name)
        let told = try String(contentsOf: file, encoding: .utf8)
        let happened = try ConsumerTranscript.run(told)
        if ProcessInfo.processInfo.environment["WEIR_RECORD_TRANSCRIPTS"] != nil {
            try happened.write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(happened == told)
        }
    }
}
