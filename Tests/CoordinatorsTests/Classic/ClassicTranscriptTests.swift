import Testing

@Suite("Rebalances of classic groups, told by transcripts")
struct ClassicTranscriptTests {
    static let names = TranscriptFolder.names("classic", "offsets")

    @Test("transcripts are found")
    func found() { #expect(Self.names.count >= 8) }

    @Test("what is told is what happens", arguments: names)
    func transcript(_ name: String) throws { try TranscriptFolder.check(name, GroupTranscript.run) }
}
