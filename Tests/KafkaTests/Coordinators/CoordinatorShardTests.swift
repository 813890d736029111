import Coordinators
import KafkaWire
import Logging
import NIOCore
import RecordBatch
import SegmentLog
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation
import WorkTracking

@testable import Kafka

@Suite("a coordinator's shard") struct CoordinatorShardTests {
    typealias Shard = CoordinatorShard<TallyMachine>
    typealias Answer = Result<TallyMachine.Response, CoordinatorRefusal>

    /// One partition, its shard, and what was answered, in order.
    final class Bench {
        let simulator = Simulator(seed: 1)
        let loop: SimulatedLoop
        let logs = ScriptedLogs()
        let partition: ServedPartition
        let commands = Mutex<[String]>([])
        private(set) var shard: Shard
        private(set) var answers: [String] = []
        let kind: CoordinatorKind<TallyMachine>

        init(_ machine: TallyMachine = TallyMachine()) throws {
            loop = simulator.makeLoop()
            let host = GateHost(clock: simulator.clock)
            let identity = LogIdentity(topicID: TopicID(high: 1, low: 2), topic: "state", partition: 0)
            let partition = ServedPartition(
                identity: identity, loop: loop, origin: .created, provider: logs, settings: LogSettings())
            self.partition = partition
            let performed = Performed()
            kind = CoordinatorKind(
                component: "test", topic: "state", clock: simulator.clock,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, makeMachine: { _ in machine },
                news: { _ in [] }, perform: { command, _ in performed.note(command) })
            self.performed = performed
            shard = Shard(partition, kind)
            try simulator.run(on: loop) { try await host.addComponent(partition) }
            load()
        }

        let performed: Performed

        var log: ScriptedLog {
            guard let log = logs.log("state", 0) else { preconditionFailure("it was created") }
            return log
        }

        func load() {
            loop.perform { [shard] in shard.load() }
            settle()
        }

        func settle() { simulator.run(for: .zero) }

        /// Asks, and notes the answer under a label.
        @discardableResult
        func ask(_ label: String, _ request: TallyMachine.Request) -> Shard.Standing {
            loop.perform {
                shard.ask(request) { [self] in
                    answers.append("\(label): \(Self.text($0))")
                }
            }
        }

        func perform<Value>(_ body: (Shard) -> Value) -> Value { loop.perform { body(shard) } }

        /// What was answered since the last call.
        func take() -> [String] {
            settle()
            defer { answers = [] }
            return answers
        }

        /// Another shard on the same log, as after a restart.
        func restart() {
            perform { $0.stop() }
            shard = Shard(partition, kind)
            load()
        }

        static func text(_ answer: Answer) -> String {
            switch answer {
            case .success(.count(let count)): "\(count)"
            case .success(.done): "done"
            case .failure(let refusal): "\(refusal)"
            }
        }
    }

    final class Performed: Sendable {
        private let commands = Mutex<[String]>([])
        func note(_ command: String) { commands.withLock { $0.append(command) } }
        var all: [String] { commands.withLock { $0 } }
    }

    @Test("an answer waits for the commit of all that was appended before it, also where it appends nothing itself")
    func commitOrder() throws {
        let bench = try Bench()
        bench.log.commits = .held
        bench.ask("add", .add("a"))
        bench.ask("read", .read("a"))
        bench.ask("command", .command("go"))
        #expect(bench.take() == [])
        #expect(bench.performed.all == [])
        bench.loop.perform { bench.log.commit() }
        #expect(bench.take() == ["add: 1", "read: 1", "command: done"])
        #expect(bench.performed.all == ["go"])
        bench.ask("read", .read("a"))
        #expect(bench.take() == ["read: 1"])
    }

    @Test("the records of a step are one batch")
    func oneBatch() throws {
        let bench = try Bench()
        bench.ask("add", .add("a"))
        bench.ask("add", .add("b"))
        #expect(bench.take() == ["add: 1", "add: 1"])
        #expect(bench.log.batches.map(\.header.recordCount) == [1, 1])
    }

    @Test("a new shard on the same log has the same state, and refuses as loading until it has read it")
    func replay() throws {
        let bench = try Bench()
        for _ in 0..<3 { bench.ask("add", .add("a")) }
        bench.ask("add", .add("b"))
        _ = bench.take()
        bench.log.holdsReads = true
        bench.restart()
        bench.ask("early", .read("a"))
        #expect(bench.take() == ["early: loading"])
        bench.log.holdsReads = false
        bench.loop.perform { bench.log.answerReads() }
        bench.settle()
        bench.ask("a", .read("a"))
        bench.ask("b", .read("b"))
        #expect(bench.take() == ["a: 3", "b: 1"])
        #expect(bench.perform { $0.counts.loadedRecords } == 4)
    }

    @Test("a log that is larger than a chunk is replayed whole, in order")
    func longLog() throws {
        let bench = try Bench()
        for _ in 0..<40 { bench.ask("large", .addLarge(20_000)) }
        for _ in 0..<5 { bench.ask("add", .add("a")) }
        _ = bench.take()
        bench.restart()
        bench.ask("a", .read("a"))
        #expect(bench.take() == ["a: 5"])
        #expect(bench.perform { $0.counts.loadedRecords } == 45)
    }

    @Test("where an append fails, everybody who waits is refused in order, and the log is read again")
    func failedAppend() throws {
        let bench = try Bench()
        bench.ask("add", .add("a"))
        _ = bench.take()
        bench.log.commits = .held
        bench.ask("parked", .wait)
        bench.ask("uncommitted", .add("a"))
        bench.log.appendError = LogError(.storage, "no space")
        bench.ask("failed", .add("a"))
        #expect(bench.take() == ["parked: moved", "uncommitted: moved", "failed: moved"])
        bench.ask("meanwhile", .read("a"))
        #expect(bench.take() == ["meanwhile: moved"])
        // The batch that was appended is in the log, and commits after all.
        bench.log.commits = .atOnce
        bench.loop.perform { bench.log.commit() }
        bench.simulator.run(for: .seconds(1))
        bench.ask("after", .read("a"))
        #expect(bench.take() == ["after: 2"])
        #expect(bench.perform { $0.counts.failures } == 1)
    }

    @Test("where a commit fails, the state goes back to what the log has")
    func failedCommit() throws {
        let bench = try Bench()
        bench.ask("add", .add("a"))
        _ = bench.take()
        bench.log.commits = .held
        bench.ask("lost", .add("a"))
        bench.ask("reader", .read("a"))
        bench.loop.perform { bench.log.failPending(LogError(.notLeader, "another leads")) }
        #expect(bench.take() == ["lost: moved", "reader: moved"])
        bench.log.commits = .atOnce
        bench.simulator.run(for: .seconds(1))
        bench.ask("after", .read("a"))
        #expect(bench.take() == ["after: 1"])
    }

    @Test("a log whose tail is not committed is answered from only when it is")
    func uncommittedTail() throws {
        let bench = try Bench()
        bench.log.commits = .held
        bench.ask("add", .add("a"))
        _ = bench.take()
        bench.restart()
        bench.ask("early", .read("a"))
        #expect(bench.take() == ["add: moved", "early: loading"])
        bench.loop.perform { bench.log.commit() }
        bench.simulator.run(for: .milliseconds(50))
        bench.ask("late", .read("a"))
        #expect(bench.take() == ["late: 1"])
    }

    @Test("a step that makes too large a batch is refused, and leaves nothing behind")
    func tooLarge() throws {
        let bench = try Bench()
        bench.ask("large", .addLarge(Shard.batchSizeBytesMax))
        #expect(bench.take() == ["large: tooLarge"])
        bench.simulator.run(for: .seconds(1))
        #expect(bench.log.batches.isEmpty)
        bench.ask("add", .add("a"))
        #expect(bench.take() == ["add: 1"])
    }

    @Test("a step that may be cut is appended in portions, and answered with the last of them")
    func portions() throws {
        let bench = try Bench()
        bench.log.commits = .held
        bench.ask("many", .addMany(20, sizeBytes: 1_000_000))
        #expect(bench.log.batches.count == 20)
        bench.ask("few", .addMany(20, sizeBytes: 10))
        #expect(bench.log.batches.count == 21)
        #expect(bench.take() == [])
        bench.loop.perform { bench.log.commit() }
        #expect(bench.take() == ["many: done", "few: done"])
        #expect(bench.performed.all == ["many", "many"])
    }

    @Test("where a portion of a step cannot be appended, the rest is not, and who asked is told")
    func failedPortion() throws {
        let bench = try Bench()
        bench.ask("parked", .wait)
        bench.ask("many", .addMany(20, sizeBytes: Shard.batchSizeBytesMax))
        #expect(bench.take() == ["parked: moved", "many: tooLarge"])
        #expect(bench.log.batches.isEmpty)
        #expect(bench.performed.all == [])
    }

    @Test("a machine that cannot append what it begins with is begun again more and more seldom")
    func failingBegin() throws {
        var machine = TallyMachine()
        machine.beginSizeBytes = Shard.batchSizeBytesMax
        let bench = try Bench(machine)
        bench.simulator.run(for: .seconds(300))
        let failures = bench.perform { $0.counts.failures }
        #expect((10..<25).contains(failures), "\(failures)")
    }

    @Test("a deadline is kept by the loop's timer, also one that is set before another")
    func deadline() throws {
        let bench = try Bench()
        let now = bench.loop.perform { bench.loop.now }
        bench.ask("late", .alarm(at: now + .seconds(60)))
        bench.ask("early", .alarm(at: now + .seconds(1)))
        _ = bench.take()
        bench.simulator.run(for: .milliseconds(900))
        bench.ask("before", .read("alarm"))
        #expect(bench.take() == ["before: 0"])
        bench.simulator.run(for: .milliseconds(200))
        bench.ask("after", .read("alarm"))
        #expect(bench.take() == ["after: 1"])
    }

    @Test("a drain refuses who is parked, answers the others, and lets no time pass; resuming reads the log again")
    func drain() throws {
        let bench = try Bench()
        let now = bench.loop.perform { bench.loop.now }
        bench.ask("alarm", .alarm(at: now + .seconds(1)))
        #expect(bench.ask("parked", .wait) == .parked)
        bench.log.commits = .held
        #expect(bench.ask("add", .add("a")) == .settled)
        _ = bench.take()
        bench.perform { $0.drain() }
        #expect(bench.take() == ["parked: moved"])
        #expect(bench.ask("latecomer", .wait) == .settled)
        #expect(bench.take() == ["latecomer: moved"])
        bench.loop.perform { bench.log.commit() }
        bench.log.commits = .atOnce
        bench.simulator.run(for: .seconds(60))
        bench.ask("read", .read("alarm"))
        #expect(bench.take() == ["add: 1", "read: 0"])
        bench.perform { $0.resume() }
        bench.settle()
        bench.ask("a", .read("a"))
        #expect(bench.take() == ["a: 1"])
        #expect(bench.perform { $0.machine?.begins } == 1)
        #expect(bench.perform { $0.counts.loads } == 2)
    }

    @Test("a transaction's records count with its marker, live and replayed", arguments: [true, false])
    func marker(isCommit: Bool) throws {
        let bench = try Bench()
        let producer = ProducerIdentity(id: 7, epoch: 3)
        bench.ask("pending", .addPending("a", producer))
        bench.ask("before", .read("a"))
        #expect(bench.take() == ["pending: 1", "before: 0"])
        let end = TransactionEnd(producer: producer, outcome: isCommit ? .committed : .aborted)
        bench.log.commits = .held
        var isWritten = false
        bench.perform { shard in
            shard.end(
                TransactionMarker(
                    producerID: 7, producerEpoch: 3, isCommit: isCommit, coordinatorEpoch: 0, timestamp: 0),
                telling: .ended(end)
            ) { isWritten = (try? $0.get()) != nil }
        }
        bench.ask("after", .read("a"))
        #expect(bench.take() == [])
        #expect(!isWritten)
        bench.loop.perform { bench.log.commit() }
        #expect(bench.take() == ["after: \(isCommit ? 1 : 0)"])
        #expect(isWritten)
        bench.restart()
        bench.ask("replayed", .read("a"))
        #expect(bench.take() == ["replayed: \(isCommit ? 1 : 0)"])
        #expect(bench.perform { $0.machine?.pending.isEmpty } == true)
    }

    @Test("a shard whose partition is gone refuses, and comes back by nobody's timer")
    func stop() throws {
        let bench = try Bench()
        bench.ask("parked", .wait)
        bench.perform { $0.stop() }
        #expect(bench.take() == ["parked: moved"])
        bench.simulator.run(for: .seconds(120))
        bench.ask("after", .read("a"))
        #expect(bench.take() == ["after: moved"])
    }
}
