import Testing

@testable import weir_raft_cases

@Suite("The cluster that cases drive")
struct CasesWorldTests {
    /// Does `lines`; returns what the last one prints.
    private func output(_ lines: String...) -> String {
        var world = World()
        var printed = ""
        for line in lines { printed = world.run(Directive(line), input: "").printed }
        return printed
    }

    private let three = "add-nodes 3 voters=(1, 2, 3) index=10"

    @Test("errors are printed in the words of the format")
    func errors() {
        #expect(output("sing 1") == "unknown command")
        #expect(output("add-nodes 1 voters=(1)") == "index must be specified as > 1 due to bootstrap")
        #expect(output("add-nodes 1 voters=(1) index=1") == "index must be specified as > 1 due to bootstrap")
        #expect(output(three, "propose 1 a") == "raft proposal dropped")
        #expect(output(three, "step 1 type=MsgHup from=2") == "raft: cannot step raft local message")
        #expect(output(three, "step 1 type=MsgAppResp from=9 term=1") == "raft: cannot step as peer not found")
        #expect(output(three, "compact 1 10") == "requested index is unavailable due to compaction")
    }

    @Test("what a case does to nodes that do not exist is said, not trapped on")
    func absentNodes() {
        #expect(output(three, "campaign 4") == "there is no node 4")
        #expect(output(three, "campaign 0") == "there is no node 0")
        #expect(output(three, "process-ready 1 7") == "> 1 handling Ready\n  <empty Ready>\nthere is no node 7")
        #expect(output(three, "campaign") == "campaign needs a node")
        #expect(output(three, "campaign x") == "campaign: x is not a node")
    }

    @Test("a muted command prints nothing but its error")
    func muted() {
        #expect(output(three, "log-level none", "process-ready 1") == "ok")
        #expect(output(three, "log-level none", "propose 1 a") == "raft proposal dropped")
        #expect(output(three, "log-level none", "log-level info", "process-ready 1") == "<empty Ready>")
    }

    @Test("the level of stabilize holds for that command only")
    func levelOfOneCommand() {
        #expect(output(three, "campaign 1", "stabilize log-level=none") == "ok")
        #expect(output(three, "campaign 1", "stabilize log-level=none", "process-ready 1") == "<empty Ready>")
        let loud = output(three, "log-level none", "campaign 1", "stabilize log-level=debug")
        #expect(loud.hasPrefix("> 1 handling Ready\n  Ready MustSync=true:\n"))
        #expect(output(three, "log-level none", "stabilize log-level=debug", "process-ready 1") == "ok")
    }

    @Test("a level that there is not is an error, and changes nothing")
    func unknownLevel() {
        #expect(output(three, "log-level loud").hasPrefix("log levels are"))
        #expect(output(three, "log-level loud", "process-ready 1") == "<empty Ready>")
    }

    @Test("only the named messages are delivered, dropped, doubled or turned round")
    func network() {
        let votes = [three, "campaign 1", "campaign 2", "process-ready 1 2"]
        func output(_ lines: String...) -> String {
            var world = World()
            var printed = ""
            for line in votes + lines { printed = world.run(Directive(line), input: "").printed }
            return printed
        }
        let (first, second) = ("1->3 MsgVote Term:1 Log:1/10", "2->3 MsgVote Term:1 Log:1/10")
        #expect(output("deliver-msgs 3") == "\(first)\n\(second)")
        #expect(output("deliver-msgs drop=3") == "dropped: \(first)\ndropped: \(second)")
        #expect(output("deliver-msgs drop=3", "deliver-msgs 3") == "no messages")
        #expect(output("deliver-msgs 3 type=MsgApp") == "no messages")
        #expect(output("deliver-msgs 3 type=MsgVote") == "\(first)\n\(second)")
        #expect(output("dup-msgs 3", "deliver-msgs 3") == "\(first)\n\(second)\n\(first)\n\(second)")
        #expect(output("reverse-msgs 3", "deliver-msgs 3") == "\(second)\n\(first)")
        #expect(output("deliver-msgs 9") == "no messages")
    }

    @Test("what a node says to itself is neither dropped nor doubled, and a crash loses it")
    func localMessages() {
        let lines = [
            "add-nodes 2 voters=(1,2) index=10 async-storage-writes=true", "campaign 1", "process-ready 1",
            "process-append-thread 1",
        ]
        func output(_ more: String...) -> String {
            var world = World()
            var printed = ""
            for line in lines + more { printed = world.run(Directive(line), input: "").printed }
            return printed
        }
        let own = "1->1 MsgVoteResp Term:1 Log:0/0"
        #expect(output("deliver-msgs drop=1") == "no messages")
        #expect(output("dup-msgs 1", "deliver-msgs 1") == own)
        #expect(output("restart 1", "deliver-msgs 1") == "no messages")
        #expect(output("restart 1", "deliver-msgs 2") == "1->2 MsgVote Term:1 Log:1/10")
    }

    @Test("a restarted node keeps what it stored and forgets the rest")
    func restart() {
        #expect(
            output(three, "campaign 1", "restart 1", "raft-state")
                == (1...3).map { "\($0): StateFollower (Voter) Term:0 Lead:0" }.joined(separator: "\n"))
        #expect(
            output(three, "campaign 1", "process-ready 1", "restart 1", "raft-state").hasPrefix(
                "1: StateFollower (Voter) Term:1 Lead:0\n"))
    }

    @Test("commands that have nothing to print say ok")
    func ok() {
        #expect(output(three) == "ok")
        #expect(output(three, "status 1") == "ok")
        #expect(output(three, "stabilize") == "ok")
    }

    @Test("ids are in hexadecimal in sets and as targets")
    func hexadecimal() {
        let ten = "add-nodes 10 voters=(1,10) index=3"
        #expect(output(ten, "campaign 10", "process-ready 10").hasSuffix("\na->1 MsgVote Term:1 Log:1/3"))
        var world = World()
        _ = world.run(Directive(ten), input: "")
        #expect(world.stateLines[9].hasSuffix(" Config:voters=(1 a)"))
        #expect(world.stateLines[9].hasPrefix("10: "))
    }

    @Test("a node without a start knows nobody; payload text is quoted")
    func emptyStart() {
        #expect(output("add-nodes 1", "raft-log 1") == "log is empty: first index=1, last index=0")
        #expect(output("add-nodes 1", "raft-state") == "1: StateFollower (Non-Voter) Term:0 Lead:0")
        let single = "add-nodes 1 voters=(1) index=10"
        #expect(
            output(single, "campaign 1", "stabilize", #"propose 1 a"b\c"#, "stabilize", "raft-log 1")
                == "1/11 EntryNormal \"\"\n1/12 EntryNormal \"a\\\"b\\\\c\"")
    }
}
