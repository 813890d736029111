import Testing

@testable import weir_raft_cases

@Suite("The canonical form of outputs")
struct CasesCanonicalFormTests {
    private func lines(_ lines: String...) -> String { lines.joined(separator: "\n") }

    @Test("messages are ordered by destination, and by nothing else")
    func destinations() {
        #expect(
            canonicalForm(
                lines(
                    "Messages:", "1->b MsgApp Term:1 Log:1/1", "1->2 MsgApp Term:1 Log:1/2",
                    "1->ApplyThread MsgStorageApply Term:0 Log:0/0", "1->AppendThread MsgStorageAppend Term:0 Log:0/0",
                    "1->a MsgApp Term:1 Log:1/3", "1->2 MsgApp Term:1 Log:1/1"))
                == lines(
                    "Messages:", "1->2 MsgApp Term:1 Log:1/2", "1->2 MsgApp Term:1 Log:1/1",
                    "1->a MsgApp Term:1 Log:1/3", "1->b MsgApp Term:1 Log:1/1",
                    "1->AppendThread MsgStorageAppend Term:0 Log:0/0", "1->ApplyThread MsgStorageApply Term:0 Log:0/0"))
    }

    @Test("a message keeps its deeper lines, and its responses are ordered within it")
    func deeperLines() {
        #expect(
            canonicalForm(
                lines(
                    "> 1 handling Ready", "  Ready MustSync=true:", "  Messages:",
                    "  1->3 MsgApp Term:1 Log:1/1 Entries:[",
                    "    1/2 EntryNormal \"a\"", "    1/3 EntryNormal \"1->1 MsgApp Term:\"", "  ]",
                    "  1->2 MsgSnap Term:1 Log:0/0", "    Snapshot: Index:9",
                    "  1->AppendThread MsgStorageAppend Term:1 Log:0/0"
                        + " Responses:[", "    1->2 MsgAppResp Term:1 Log:0/2",
                    "    AppendThread->1 MsgStorageAppendResp Term:1 Log:1/2", "      Snapshot: Index:9", "  ]",
                    "> 2 receiving messages", "  1->3 MsgApp Term:1 Log:1/1", "  1->2 MsgApp Term:1 Log:1/1"))
                == lines(
                    "> 1 handling Ready", "  Ready MustSync=true:", "  Messages:", "  1->2 MsgSnap Term:1 Log:0/0",
                    "    Snapshot: Index:9", "  1->3 MsgApp Term:1 Log:1/1 Entries:[", "    1/2 EntryNormal \"a\"",
                    "    1/3 EntryNormal \"1->1 MsgApp Term:\"", "  ]",
                    "  1->AppendThread MsgStorageAppend Term:1 Log:0/0 Responses:[",
                    "    AppendThread->1 MsgStorageAppendResp Term:1 Log:1/2", "      Snapshot: Index:9",
                    "    1->2 MsgAppResp Term:1 Log:0/2", "  ]", "> 2 receiving messages",
                    "  1->3 MsgApp Term:1 Log:1/1", "  1->2 MsgApp Term:1 Log:1/1"))
    }

    @Test("a block ends where something else begins")
    func endOfBlock() {
        let text = lines(
            "Processing:", "1->AppendThread MsgStorageAppend Term:1 Log:0/0", "Responses:",
            "1->2 MsgVoteResp Term:1 Log:0/0", "raft proposal dropped", "1->1 MsgVoteResp Term:1 Log:0/0")
        #expect(canonicalForm(text) == text)
        #expect(
            canonicalForm("Messages:\n  1->2 MsgApp Term:1\n  1->1 MsgApp Term:1")
                == "Messages:\n  1->2 MsgApp Term:1\n  1->1 MsgApp Term:1")
    }

    @Test("the canonical form of all recorded expectations is what the reference script makes of them")
    func reference() throws {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        var (count, changedCount) = (0, 0)
        for path in CaseFolders.files(CaseFolders.shared) {
            for step in try CaseFile(path: path).steps {
                for text in [step.expectedText, step.unmuted].compactMap(\.self) {
                    let form = canonicalForm(text)
                    #expect(canonicalForm(form) == form, "it is its own canonical form")
                    count += 1
                    if form != text { changedCount += 1 }
                    for byte in (form + "\n").utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
                }
            }
        }
        // Made by canon.py over 128 files; other selections of files have other sums.
        guard count == 6112 else { return }
        #expect(changedCount == 234)
        #expect(hash == 0x3004_DBA3_0C4D_91B1)
    }
}
