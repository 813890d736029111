import Testing

@Suite("Groups of KIP-848, told by transcripts")
struct ConsumerTranscriptTests {
    static let names = TranscriptFolder.names("consumer")

    @Test("transcripts are found")
    func found() { #expect(Self.names.count >= 6) }

    @Test("what is told is what happens", arguments: names)
    func transcript(_ name: String) throws { try TranscriptFolder.check(name, ConsumerTranscript.run) }
}
