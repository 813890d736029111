import Testing
import WeirRuntime
import WeirSimulation

@Suite("the simulated network")
struct SimulatedNetworkTests {
    private let start = MonotonicTime(nanoseconds: 0)

    @Test("delivers what was sent, once, after at least the shortest delay")
    func delivers() {
        var network = SimulatedNetwork(nodeCount: 2, seed: 1)
        guard case .arrives(let packet, let time) = network.send(from: 0, to: 1, at: start, { $0 = [1, 2, 3] }) else {
            Issue.record("it does not arrive")
            return
        }
        #expect(time.nanoseconds >= network.faults.delayNanosecondsMin)
        #expect(network.ends(of: packet) == (0, 1))
        #expect(network.underWay(from: 0, to: 1) == 1)
        #expect(network.receive(packet) == [1, 2, 3])
        #expect(network.underWay(from: 0, to: 1) == 0)
    }

    @Test("lets packets overtake each other, or keeps their order", arguments: [NetworkFaults.Order.any, .asSent])
    func orders(_ order: NetworkFaults.Order) {
        var network = SimulatedNetwork(nodeCount: 2, seed: 3)
        network.faults.order = order
        var times: [MonotonicTime] = []
        for step in 0..<100 {
            let fate = network.send(from: 0, to: 1, at: MonotonicTime(nanoseconds: Int64(step) * 1000)) { $0 = [1] }
            if case .arrives(_, let time) = fate { times.append(time) }
        }
        #expect(times.count == 100)
        #expect((times == times.sorted()) == (order == .asSent))
    }

    @Test("loses and doubles about as many packets as was asked for")
    func losesAndDoubles() {
        var network = SimulatedNetwork(nodeCount: 3, seed: 5)
        network.faults.loss = 0.2
        network.faults.duplication = 0.5
        var lost = 0
        var doubled: [SimulatedNetwork.Packet] = []
        for _ in 0..<1000 {
            switch network.send(from: 0, to: 2, at: start, { $0 = [7] }) {
            case .lost: lost += 1
            case .arrivesTwice(let packet, _, _): doubled.append(packet)
            case .arrives, .cut: break
            }
        }
        #expect((150...250).contains(lost))
        #expect((330...470).contains(doubled.count))
        for packet in doubled {
            #expect(network.receive(packet) == [7])
            #expect(network.receive(packet) == [7])
        }
    }

    @Test("cuts one direction, also for what is under way, and mends it")
    func cuts() {
        var network = SimulatedNetwork(nodeCount: 2, seed: 1)
        let sent = network.send(from: 0, to: 1, at: start) { $0 = [1] }
        network.setCut(true, from: 0, to: 1)
        #expect(network.isCut(from: 0, to: 1) && !network.isCut(from: 1, to: 0) && network.cutCount == 1)
        #expect(network.send(from: 0, to: 1, at: start) { _ in Issue.record("nothing is written") } == .cut)
        guard case .arrives = network.send(from: 1, to: 0, at: start, { $0 = [2] }) else {
            Issue.record("the other direction is not cut")
            return
        }
        if case .arrives(let packet, _) = sent { #expect(network.receive(packet) == nil) }
        network.mendAll()
        #expect(network.cutCount == 0 && !network.isCut(from: 0, to: 1))
    }

    @Test("forgets what is under way on a connection that ends, and nothing sent after")
    func resets() {
        var network = SimulatedNetwork(nodeCount: 2, seed: 1)
        let before = network.send(from: 0, to: 1, at: start) { $0 = [1] }
        network.reset(from: 0, to: 1)
        let after = network.send(from: 0, to: 1, at: start) { $0 = [2] }
        guard case .arrives(let first, _) = before, case .arrives(let second, _) = after else {
            Issue.record("they are under way")
            return
        }
        #expect(network.receive(first) == nil)
        #expect(network.receive(second) == [2])
    }

    @Test("loses what a full path does not hold, and delays what takes a slow one")
    func limits() {
        var network = SimulatedNetwork(nodeCount: 2, seed: 1)
        network.faults.pathPacketsMax = 1
        network.faults.delayNanosecondsMean = 0
        network.faults.slowFactor = 10
        network.setSlow(true, from: 0, to: 1)
        let sent = network.send(from: 0, to: 1, at: start) { $0 = [1] }
        guard case .arrives(let packet, let time) = sent else {
            Issue.record("there is room")
            return
        }
        #expect(time.nanoseconds == 10 * network.faults.delayNanosecondsMin)
        #expect(network.send(from: 0, to: 1, at: start) { $0 = [1] } == .lost)
        #expect(network.receive(packet) == [1])
        network.faults.delayNanosecondsMax = 30_000
        guard case .arrives(_, let capped) = network.send(from: 0, to: 1, at: start, { $0 = [1] }) else {
            Issue.record("there is room again")
            return
        }
        #expect(capped.nanoseconds == 30_000)
    }

    @Test("gives the same fates to the same seed, in copies too")
    func followsFromSeed() {
        func fates(_ network: SimulatedNetwork) -> [SimulatedNetwork.Fate] {
            var network = network
            return (0..<200).map { step in network.send(from: step % 3, to: (step + 1) % 3, at: start) { $0 = [1] } }
        }
        var network = SimulatedNetwork(nodeCount: 3, seed: 9)
        network.faults.loss = 0.3
        network.faults.duplication = 0.3
        var other = SimulatedNetwork(nodeCount: 3, seed: 10)
        other.faults = network.faults
        #expect(fates(network) == fates(network))
        #expect(fates(network) != fates(other))
    }

    @Test("draws times around a mean, most of them shorter")
    func drawsAround() {
        var random = SeededRandom(seed: 4)
        let times = (0..<10_000).map { _ in random.around(1_000_000) }
        let mean = times.reduce(0, +) / 10_000
        #expect((950_000...1_050_000).contains(mean))
        #expect(times.count { $0 < 1_000_000 } > 5500)
        #expect(times.allSatisfy { $0 >= 0 } && (times.max() ?? 0) > 5_000_000)
    }
}
