import Raft
import WeirSimulation

/// How long a tick of an exact clock is, in the units of virtual time; a unit stands for a microsecond or so.
let unitsPerTick = 1000

/// What a run is like: every setting that is drawn from its seed, or fixed.
///
/// Everything is drawn whether it is used or not, so that leaving one kind of trouble out changes no other.
struct Plan: Sendable {
    var nodeCount = 5

    // MARK: Replicas

    /// Which nodes write asynchronously, by slot modulo 32.
    var asyncNodes: UInt32 = 0
    /// Which nodes show what is written only when it is synced.
    var lateVisibility: UInt32 = 0
    var replica = ReplicaConfiguration(id: 1)
    /// Entries that are compacted behind a snapshot stay below this number.
    var entriesKept = 20
    var storesBatches = 1
    var payloadBytesMax = 24
    var proposalBatchMax = 4

    // MARK: Network

    var loss = Chance.never
    var duplication = Chance.never
    var delayFloor = 20
    var delayMean = 100
    var isFIFO = false
    var reset = Chance.never
    var capacity = Int.max
    var slowPathMask: UInt64 = 0
    var slowPathFactor = 1
    var partition = Chance.never
    var heal = Chance(perThousand: 100)
    var asymmetric = Chance.never
    var kindLoss = Chance.never

    // MARK: Nodes

    var crash = Chance.never
    var powerCut = Chance.never
    var cutAtCall = Chance.never
    var blackout = Chance.never
    var startMean = 8 * unitsPerTick
    var driftPerMille = 0
    var pause = Chance.never
    var pauseMean = 15 * unitsPerTick
    var applyMean = 0
    var syncFloor = 5
    var syncMean = 30
    var slowDiskMask: UInt32 = 0
    var failedSync = Chance.never
    var fullDisk = Chance.never
    var corruption = Chance.never

    // MARK: Load

    var clientMean = 500
    var proposalWeight = 60
    var readWeight = 0
    var transferWeight = 0
    var membershipWeight = 0
    var jointWeight = 0
    var learnerWeight = 0
    var compactionWeight = 0
    var forgetWeight = 0
    var campaignWeight = 0
    var reports = Chance.never
    var snapshotsReported = true
    var snapshotsUnavailable = Chance.never

    /// The plan of a run.
    init(_ options: SimulationOptions) {
        var random = SeededRandom(seed: options.seed ^ 0x5eed_0f_9e0e_0001)
        var draw = PlanDraw(options: options, random: random.split())
        drawReplicas(&draw)
        drawNetwork(&draw)
        drawNodes(&draw)
        drawDisks(&draw)
        drawLoad(&draw)
        nodeCount = options.nodeCount
        settle()
    }

    private mutating func drawReplicas(_ draw: inout PlanDraw) {
        let isAsync = draw.has(.asyncStorage, chance: 700)
        asyncNodes = isAsync ? UInt32(truncatingIfNeeded: draw.pick(medium: -1, [-1, -1, -1, 0x5555_5555])) : 0
        lateVisibility = UInt32(truncatingIfNeeded: draw.pick(medium: 0x3333_3333, [0, -1, 0x3333_3333]))
        replica.electionTicks = draw.pick(medium: 10, [5, 8, 10, 10, 15])
        replica.heartbeatTicks = draw.pick(medium: 1, [1, 1, 2, 3])
        replica.preVote = draw.has(.preVote, chance: 500)
        replica.checkQuorum = draw.has(.checkQuorum, chance: 600)
        replica.stepDownOnRemoval = draw.has(.stepDown, chance: 500)
        replica.disableProposalForwarding = draw.has(.noForwarding, chance: 200, medium: false)
        let isSmall = draw.has(.smallLimits, chance: 500)
        let messageBytes = draw.pick(medium: 200, [0, 60, 200, 500])
        let committedBytes = draw.pick(medium: 300, [0, 40, 300])
        let inflight = draw.pick(medium: 4, [1, 2, 4, 16])
        let inflightBytes = draw.pick(medium: 0, [0, 0, 1, 3])
        if isSmall {
            replica.messageBytesMax = messageBytes
            replica.committedBytesMax = committedBytes
            replica.inflightMessagesMax = inflight
            replica.inflightBytesMax = inflightBytes * max(messageBytes, 60)
        }
        let quota = draw.pick(medium: 2000, [100, 400, 2000])
        if draw.has(.quota, chance: 400) { replica.uncommittedBytesMax = quota }
        payloadBytesMax = draw.pick(medium: 24, [8, 24, 24, 200])
        proposalBatchMax = draw.pick(medium: 4, [1, 4, 16])
        storesBatches = draw.pick(medium: 4, [1, 4, 16])
    }

    private mutating func drawNetwork(_ draw: inout PlanDraw) {
        let isDelayed = draw.has(.delay, chance: 700)
        let delay = draw.pick(medium: 150, [20, 150, 400, 1000, 2500])
        if isDelayed { delayMean = delay }
        loss = draw.chance(.loss, medium: 20, 1...200)
        duplication = draw.chance(.duplication, medium: 20, 1...300)
        isFIFO = !draw.has(.reordering, chance: 650)
        reset = draw.chance(.resets, medium: 2, 1...20)
        partition = draw.chance(.partitions, medium: 8, 2...30)
        heal = Chance(perThousand: draw.pick(medium: 40, [10, 30, 100]))
        asymmetric = draw.chance(.asymmetry, medium: 400, 100...900)
        let hasSlowPaths = draw.has(.slowPaths, chance: 300)
        let slowPaths = draw.word() & draw.word()
        slowPathFactor = draw.pick(medium: 5, [3, 10, 30])
        slowPathMask = hasSlowPaths ? slowPaths : 0
        kindLoss = draw.chance(.kindLoss, medium: 5, 1...20)
        let paths = draw.pick(medium: 40, [2, 5, 20, 60])
        if draw.has(.capacity, chance: 250, medium: false) { capacity = paths }
    }

    private mutating func drawNodes(_ draw: inout PlanDraw) {
        crash = draw.chance(.crashes, medium: 12, 2...40)
        powerCut = draw.chance(.powerCuts, medium: 600, 300...1000)
        cutAtCall = draw.chance(.powerCuts, medium: 300, 100...500)
        blackout = draw.chance(.blackouts, medium: 2, 1...8)
        startMean = draw.pick(medium: 8, [0, 2, 10, 40]) * unitsPerTick
        let drift = draw.pick(medium: 250, [50, 250, 1000])
        if draw.has(.drift, chance: 400) { driftPerMille = drift }
        pause = draw.chance(.pauses, medium: 4, 1...15)
        pauseMean = draw.pick(medium: 15, [3, 15, 40]) * unitsPerTick
        let apply = draw.pick(medium: 300, [100, 1000, 5000])
        if draw.has(.slowApply, chance: 400) { applyMean = apply }
    }

    private mutating func drawDisks(_ draw: inout PlanDraw) {
        let isSlow = draw.has(.slowSync, chance: 500)
        let sync = draw.pick(medium: 200, [100, 500, 2000])
        let slowDisks = UInt32(truncatingIfNeeded: draw.pick(medium: -1, [-1, 1, 2, 0x5555_5555, -2]))
        if isSlow {
            syncMean = sync
            slowDiskMask = slowDisks
        }
        failedSync = draw.chance(.failedSync, medium: 1, 1...4)
        fullDisk = draw.chance(.fullDisk, medium: 2, 2...15)
        corruption = draw.chance(.corruption, medium: 50, 20...300)
    }

    private mutating func drawLoad(_ draw: inout PlanDraw) {
        clientMean = draw.pick(medium: 400, [150, 400, 1000, 3000])
        proposalWeight = draw.pick(medium: 60, [20, 60, 60])
        readWeight = draw.weight(.reads, medium: 20, [5, 20, 60])
        transferWeight = draw.weight(.transfers, medium: 2, [1, 3, 8])
        membershipWeight = draw.weight(.membership, medium: 6, [1, 4, 10, 25])
        jointWeight = draw.weight(.joint, medium: 50, [20, 50, 90])
        learnerWeight = draw.weight(.learners, medium: 40, [20, 40, 80])
        compactionWeight = draw.weight(.snapshots, medium: 5, [2, 8, 20])
        entriesKept = draw.pick(medium: 10, [0, 3, 10, 50])
        forgetWeight = draw.weight(.forgetting, medium: 1, [1, 3])
        campaignWeight = draw.weight(.campaigns, medium: 1, [1, 3])
        reports = draw.chance(.reports, medium: 100, 20...500)
        snapshotsReported = draw.pick(medium: 1, [0, 1]) == 1
        snapshotsUnavailable = draw.chance(.snapshots, medium: 50, 1...300)
        let usesLease = draw.has(.lease, chance: 200, medium: false)
        if usesLease { replica.readOption = .leaseBased }
    }

    /// Makes the settings fit each other.
    private mutating func settle() {
        if replica.electionTicks <= 2 * replica.heartbeatTicks { replica.heartbeatTicks = 1 }
        // A message takes well less than an election in the mean, or nothing would ever be agreed on.
        delayMean = min(delayMean, replica.electionTicks * unitsPerTick / 8)
        syncMean = min(syncMean, replica.electionTicks * unitsPerTick / 8)
        // With no bytes at all allowed to be under way, nothing would be applied after the first time.
        if replica.messageBytesMax == 0, replica.committedBytesMax == 0 { replica.committedBytesMax = 1 }
        guard replica.readOption == .leaseBased else { return }
        // A lease is good for as long as clocks agree, processes run, and nobody puts off the look for a quorum.
        replica.checkQuorum = true
        driftPerMille = 0
        pause = .never
        transferWeight = 0
        forgetWeight = 0
    }
}

/// Draws a plan's settings, each from a stream of its own, so that they do not disturb each other.
private struct PlanDraw {
    let options: SimulationOptions
    var random: SeededRandom

    func isLeftOut(_ fault: Fault) -> Bool { options.without.contains(fault) }

    mutating func word() -> UInt64 { random.next() }

    /// Whether the fault is on: by so many of a thousand in a swarm.
    mutating func has(_ fault: Fault, chance: Int, medium: Bool = true) -> Bool {
        let drawn = random.below(1000) < chance
        if isLeftOut(fault) { return false }
        return options.mix == .medium ? medium : drawn
    }

    /// How likely the fault is, per thousand; off in a third of a swarm.
    mutating func chance(_ fault: Fault, medium: Int, _ swarm: ClosedRange<Int>) -> Chance {
        let isOn = random.below(3) > 0
        // Weak ones are as likely as strong ones.
        let share = random.below(1000) * random.below(1000) / 1000
        let drawn = swarm.lowerBound + (swarm.upperBound - swarm.lowerBound) * share / 1000
        if isLeftOut(fault) { return .never }
        if options.mix == .medium { return Chance(perThousand: medium) }
        return isOn ? Chance(perThousand: drawn) : .never
    }

    mutating func weight(_ fault: Fault, medium: Int, _ swarm: [Int]) -> Int {
        let isOn = random.below(4) > 0
        let drawn = random.element(of: swarm)
        if isLeftOut(fault) { return 0 }
        if options.mix == .medium { return medium }
        return isOn ? drawn : 0
    }

    mutating func pick(medium: Int, _ swarm: [Int]) -> Int {
        let drawn = random.element(of: swarm)
        return options.mix == .medium ? medium : drawn
    }
}
