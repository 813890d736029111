import Testing
import WeirSimulation

@testable import WeirRuntime

@Suite("The shutdown machine")
struct ShutdownMachineTests {
    private typealias Machine = ShutdownMachine
    private typealias Action = ShutdownMachine.Action

    private static func at(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 1_000_000_000_000 + milliseconds * 1_000_000)
    }

    private static var plan: ShutdownPlan {
        var plan = ShutdownPlan()
        plan.handOver = Deadlines(soft: .milliseconds(400), cancel: .milliseconds(500), hard: .milliseconds(600))
        plan.drain = Deadlines(soft: .milliseconds(600), cancel: .milliseconds(800), hard: .milliseconds(1_000))
        plan.flush = Deadlines(soft: .milliseconds(300), cancel: .milliseconds(350), hard: .milliseconds(400))
        plan.stop = Deadlines(soft: .milliseconds(100), cancel: .milliseconds(150), hard: .milliseconds(200))
        plan.total = .milliseconds(3_000)
        plan.progressInterval = .seconds(60)
        return plan
    }

    private static func members(_ names: String...) -> [Machine.Member] { names.map { Machine.Member(name: $0) } }

    /// Steps through announce and hand over into the drain stage at time 0.
    private static func draining(_ plan: ShutdownPlan = plan, _ names: String..., left: Int = 0) -> Machine {
        var machine = Machine(plan: plan)
        _ = machine.step(.begin(propagation: .zero), at: at(0))
        _ = machine.step(.wave([], levelsLeft: 0), at: at(0))
        _ = machine.step(.wave(names.map { Machine.Member(name: $0) }, levelsLeft: left), at: at(0))
        return machine
    }

    @Test("an idle way down goes through all stages at one moment, and all are ok")
    func idle() {
        var machine = Machine(plan: Self.plan)
        var seen: [Stage] = []
        var queue = machine.step(.begin(propagation: .zero), at: Self.at(0))
        var isFinished = false
        while !queue.isEmpty {
            switch queue.removeFirst() {
            case .enter(let stage): seen.append(stage)
            case .plan: queue += machine.step(.wave([], levelsLeft: 0), at: Self.at(0))
            case .finish: isFinished = true
            case let other: Issue.record("nothing to do for \(other)")
            }
        }
        #expect(isFinished)
        #expect(seen == [.announce, .handOver, .drain, .flush, .stop])
        #expect(machine.records.map(\.stage) == seen)
        #expect(machine.records.allSatisfy { $0.outcome == .ok && $0.duration == .zero })
    }

    @Test("the announcement lasts for the propagation delay, and a second signal cuts it short")
    func announcement() {
        for escalates in [false, true] {
            var machine = Machine(plan: Self.plan)
            #expect(
                machine.step(.begin(propagation: .milliseconds(500)), at: Self.at(0))
                    == [.enter(.announce), .wake(at: Self.at(500))])
            #expect(machine.step(.tick, at: Self.at(499)) == [.wake(at: Self.at(500))])
            if escalates {
                #expect(machine.step(.escalate, at: Self.at(499)) == [.enter(.drain), .plan(.drain)])
                #expect(machine.records.map(\.outcome) == [.skipped, .skipped])
            } else {
                #expect(machine.step(.tick, at: Self.at(500)) == [.enter(.handOver), .plan(.handOver)])
                #expect(machine.records.map(\.outcome) == [.ok])
            }
        }
    }

    @Test("a stuck member is warned about, cancelled and abandoned, each once and in this order")
    func escalation() {
        var machine = Self.draining(Self.plan, "a", "b")
        #expect(machine.step(.finished("b", .ok), at: Self.at(10)) == [])
        #expect(machine.step(.tick, at: Self.at(599)) == [.wake(at: Self.at(600))])
        #expect(machine.step(.tick, at: Self.at(600)) == [.warn(.drain, ["a"]), .wake(at: Self.at(800))])
        #expect(machine.step(.tick, at: Self.at(700)) == [.wake(at: Self.at(800))])
        #expect(machine.step(.tick, at: Self.at(800)) == [.cancel(.drain, ["a"]), .wake(at: Self.at(1_000))])
        #expect(machine.step(.tick, at: Self.at(1_000)) == [.abandon(.drain, ["a"]), .plan(.drain)])
        #expect(machine.step(.finished("a", .ok), at: Self.at(1_001)) == [])
        _ = machine.step(.wave([], levelsLeft: 0), at: Self.at(1_001))
        #expect(machine.records.last?.outcome == .abandoned)
        #expect(machine.stage == .flush)
    }

    @Test(
        "the stage's outcome is the worst of its members'",
        arguments: [
            ([(ShutdownMachine.Result.ok, Int64(10))], StageOutcome.ok),
            ([(.ok, 10), (.failed, 20)], .failed),
            ([(.ok, 900)], .cancelled),
            ([(.failed, 900), (.ok, 950)], .failed),
        ])
    func outcomes(_ ends: [(ShutdownMachine.Result, Int64)], expected: StageOutcome) {
        var machine = Machine(plan: Self.plan)
        _ = machine.step(.begin(propagation: .zero), at: Self.at(0))
        _ = machine.step(.wave([], levelsLeft: 0), at: Self.at(0))
        _ = machine.step(.wave(ends.indices.map { Machine.Member(name: "\($0)") }, levelsLeft: 0), at: Self.at(0))
        for (index, end) in ends.enumerated() {
            _ = machine.step(.tick, at: Self.at(end.1))
            _ = machine.step(.finished("\(index)", end.0), at: Self.at(end.1))
        }
        _ = machine.step(.wave([], levelsLeft: 0), at: Self.at(990))
        #expect(machine.records.last?.outcome == expected)
    }

    @Test("a member's own deadlines count where they are earlier, and never delay the stage")
    func ownDeadlines() {
        var machine = Machine(plan: Self.plan)
        _ = machine.step(.begin(propagation: .zero), at: Self.at(0))
        _ = machine.step(.wave([], levelsLeft: 0), at: Self.at(0))
        let quick = Deadlines(soft: .milliseconds(10), cancel: .milliseconds(20), hard: .milliseconds(30))
        let slow = Deadlines(soft: .seconds(10), cancel: .seconds(20), hard: .seconds(30))
        _ = machine.step(
            .wave(
                [Machine.Member(name: "quick", deadlines: quick), Machine.Member(name: "slow", deadlines: slow)],
                levelsLeft: 0), at: Self.at(0))
        #expect(machine.step(.tick, at: Self.at(30)).contains(.abandon(.drain, ["quick"])))
        #expect(machine.step(.tick, at: Self.at(1_000)).contains(.abandon(.drain, ["slow"])))
    }

    @Test("a stuck level leaves time to the levels after it, soft before cancel before hard")
    func levelsKeepShares() {
        var machine = Self.draining(Self.plan, "top", left: 2)
        // Two levels follow: each keeps a tenth of the stage's second.
        #expect(machine.step(.tick, at: Self.at(800)).contains(.abandon(.drain, ["top"])))
        _ = machine.step(.wave(Self.members("middle"), levelsLeft: 1), at: Self.at(800))
        #expect(machine.step(.tick, at: Self.at(859)) == [.wake(at: Self.at(860))])
        #expect(machine.step(.tick, at: Self.at(860)).contains(.warn(.drain, ["middle"])))
        #expect(machine.step(.tick, at: Self.at(880)).contains(.cancel(.drain, ["middle"])))
        #expect(machine.step(.finished("middle", .ok), at: Self.at(890)) == [.plan(.drain)])
        _ = machine.step(.wave(Self.members("bottom"), levelsLeft: 0), at: Self.at(890))
        #expect(!machine.step(.tick, at: Self.at(999)).contains(.abandon(.drain, ["bottom"])))
        #expect(machine.step(.tick, at: Self.at(1_000)).contains(.abandon(.drain, ["bottom"])))
    }

    @Test("early stages that use all their time leave the later ones their reserved share of the total")
    func reservedShares() {
        var plan = Self.plan
        plan.total = .milliseconds(1_200)
        plan.flush.reserved = .milliseconds(400)
        plan.stop.reserved = .milliseconds(200)
        plan.drain.reserved = .milliseconds(100)
        plan.handOver.reserved = .zero
        var machine = Machine(plan: plan)
        _ = machine.step(.begin(propagation: .zero), at: Self.at(0))
        _ = machine.step(.wave(Self.members("a"), levelsLeft: 0), at: Self.at(0))
        // 1200 - 400 - 200 - 100 leave 500 of the 600 that handing over may take.
        #expect(machine.step(.tick, at: Self.at(500)).contains(.abandon(.handOver, ["a"])))
        _ = machine.step(.wave([], levelsLeft: 0), at: Self.at(500))
        _ = machine.step(.wave(Self.members("a"), levelsLeft: 0), at: Self.at(500))
        #expect(machine.step(.tick, at: Self.at(600)).contains(.abandon(.drain, ["a"])))
        _ = machine.step(.wave([], levelsLeft: 0), at: Self.at(600))
        _ = machine.step(.wave(Self.members("a"), levelsLeft: 0), at: Self.at(600))
        #expect(!machine.step(.tick, at: Self.at(999)).contains(.abandon(.flush, ["a"])))
        #expect(machine.step(.tick, at: Self.at(1_000)).contains(.abandon(.flush, ["a"])))
    }

    @Test("the second signal cancels the wave that drains, and every later one at once, but not the flush")
    func secondSignal() {
        var machine = Self.draining(Self.plan, "a", left: 1)
        #expect(machine.step(.escalate, at: Self.at(100)) == [.cancel(.drain, ["a"]), .wake(at: Self.at(300))])
        #expect(machine.step(.escalate, at: Self.at(150)) == [])
        #expect(machine.step(.tick, at: Self.at(300)).contains(.abandon(.drain, ["a"])))
        let actions = machine.step(.wave(Self.members("b"), levelsLeft: 0), at: Self.at(300))
        #expect(actions == [.perform(.drain, ["b"]), .cancel(.drain, ["b"]), .wake(at: Self.at(500))])
        #expect(machine.step(.finished("b", .ok), at: Self.at(310)) == [.plan(.drain)])
        _ = machine.step(.wave([], levelsLeft: 0), at: Self.at(310))
        let flush = machine.step(.wave(Self.members("b"), levelsLeft: 0), at: Self.at(310))
        #expect(flush == [.perform(.flush, ["b"]), .wake(at: Self.at(610))])
    }

    @Test("progress is told at each interval while something runs")
    func progress() {
        var plan = Self.plan
        plan.progressInterval = .milliseconds(100)
        var machine = Self.draining(plan, "a", "b")
        #expect(machine.step(.tick, at: Self.at(100)) == [.progress(.drain, ["a", "b"]), .wake(at: Self.at(200))])
        #expect(machine.step(.finished("a", .ok), at: Self.at(150)) == [])
        #expect(machine.step(.tick, at: Self.at(200)) == [.progress(.drain, ["b"]), .wake(at: Self.at(300))])
    }

    @Test("the older order drains before it hands over")
    func drainFirst() {
        var plan = Self.plan
        plan.order = .drainFirst
        var machine = Machine(plan: plan)
        let actions = machine.step(.begin(propagation: .zero), at: Self.at(0))
        #expect(actions == [.enter(.announce), .enter(.drain), .plan(.drain)])
        #expect(machine.step(.wave([], levelsLeft: 0), at: Self.at(0)) == [.enter(.handOver), .plan(.handOver)])
    }

    @Test("whatever hangs, the last stage ends within the total", arguments: 0..<200)
    func total(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var plan = Self.plan
        plan.total = .milliseconds(Int64(random.next() % 2_000) + 1_100)
        var machine = Machine(plan: plan)
        var now: Int64 = 0
        var queue = machine.step(.begin(propagation: .milliseconds(Int64(random.next() % 100))), at: Self.at(0))
        var waves = 0
        var wake: MonotonicTime?
        var isFinished = false
        while !isFinished {
            guard !queue.isEmpty else {
                // Nothing ever finishes by itself here: only time moves the machine.
                guard let next = wake else { break }
                now = max(now, (next.nanoseconds - Self.at(0).nanoseconds + 999_999) / 1_000_000)
                queue = machine.step(.tick, at: Self.at(now))
                continue
            }
            switch queue.removeFirst() {
            case .plan:
                waves += 1
                let isLast = waves % 4 == 0
                queue += machine.step(
                    .wave(isLast ? [] : Self.members("\(waves)"), levelsLeft: 2 - (waves - 1) % 4 % 3), at: Self.at(now)
                )
            case .wake(let time): wake = time
            case .finish: isFinished = true
            case .enter, .perform, .progress, .warn, .cancel, .abandon: break
            }
        }
        #expect(isFinished, "seed \(seed)")
        #expect(Duration.milliseconds(now) <= plan.total + .milliseconds(20), "seed \(seed): \(now) of \(plan.total)")
    }
}
