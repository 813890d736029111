import Testing
import WeirRuntime
import WeirSimulation

@testable import ObjectStore

/// A handler that believes what it is told, and notes where that contradicts itself.
struct Believer {
    private(set) var known: [String: Gadget] = [:]
    private(set) var contradictions: [String] = []

    mutating func take(_ change: ResourceChange<Gadget>) {
        let metadata = change.resource.metadata
        let name = "\(metadata.namespace)/\(metadata.name)"
        switch change.change {
        case .added(let gadget):
            if known[name] != nil { contradictions.append("\(name) was added twice") }
            known[name] = gadget
        case .updated(let old, let new):
            if known[name] != old { contradictions.append("\(name) was updated from what it never was") }
            if old.metadata.uid != new.metadata.uid { contradictions.append("\(name) became another object") }
            if old.metadata.resourceVersion == new.metadata.resourceVersion {
                contradictions.append("\(name) was updated to what it was")
            }
            known[name] = new
        case .deleted(let gadget):
            if known[name] != gadget { contradictions.append("\(name) was deleted as it never was") }
            known[name] = nil
        }
    }
}

@Suite("An informer's machine", .timeLimit(.minutes(1)))
struct InformerMachineTests {
    let start = MonotonicTime(nanoseconds: 0)

    func cached(_ name: String, _ version: UInt64, uid: String = "u") -> CachedResource<Gadget> {
        var gadget = Gadget(name, size: Int(version))
        gadget.metadata.resourceVersion = ResourceVersion(version)
        gadget.metadata.uid = uid
        return CachedResource(gadget)
    }

    func describe(_ changes: [ResourceChange<Gadget>]) -> [String] {
        changes.map { change in
            switch change.change {
            case .added(let gadget): "+\(gadget.metadata.name)\(gadget.spec.size)"
            case .updated(let old, let new): "\(old.metadata.name)\(old.spec.size)>\(new.spec.size)"
            case .deleted(let gadget): "-\(gadget.metadata.name)\(gadget.spec.size)"
            }
        }
    }

    @Test("lists page by page, then watches from where the first page began")
    func pages() {
        var machine = InformerMachine<Gadget>()
        #expect(machine.action == .list(continueToken: nil))
        #expect(machine.step(.page([cached("a", 3)], version: ResourceVersion(9), continueToken: "t")).isEmpty)
        #expect(machine.action == .list(continueToken: "t"))
        #expect(!machine.hasListed)
        let changes = machine.step(.page([cached("b", 12)], version: ResourceVersion(13), continueToken: nil))
        #expect(describe(changes) == ["+a3", "+b12"])
        #expect(changes.allSatisfy { $0.source == .list })
        #expect(machine.action == .watch(after: ResourceVersion(9)))
    }

    @Test("passes over what a later page showed already")
    func overlap() {
        var machine = InformerMachine<Gadget>()
        _ = machine.step(.page([cached("a", 3)], version: ResourceVersion(9), continueToken: "t"))
        _ = machine.step(.page([cached("b", 12, uid: "new")], version: ResourceVersion(9), continueToken: nil))
        let key = cached("b", 0).key
        let changes = machine.step(
            .events([
                .put(cached("b", 10), at: ResourceVersion(10)), .remove(key, at: ResourceVersion(11)),
                .put(cached("b", 12, uid: "new"), at: ResourceVersion(12)),
                .put(cached("b", 13, uid: "new"), at: ResourceVersion(13)),
            ]))
        #expect(describe(changes) == ["b12>13"])
    }

    @Test("makes up for what it missed: what went, what changed, and what was made again")
    func relist() {
        var machine = InformerMachine<Gadget>()
        _ = machine.step(
            .page(
                [cached("a", 1), cached("b", 2), cached("c", 3), cached("d", 4)], version: ResourceVersion(4),
                continueToken: nil))
        _ = machine.step(.watchOpened(at: start))
        #expect(machine.step(.failed(.expired, at: start)).isEmpty)
        #expect(machine.action == .list(continueToken: nil), "one expiry is not waited for")
        #expect(machine.cache.resources.count == 4, "what is known stays readable")
        let changes = machine.step(
            .page(
                [cached("b", 2), cached("c", 7), cached("d", 8, uid: "new"), cached("e", 9)],
                version: ResourceVersion(9), continueToken: nil))
        #expect(describe(changes) == ["-a1", "c3>7", "-d4", "+d8", "+e9"])
    }

    @Test("goes on where a watch broke off, after a while")
    func goesOn() {
        var machine = InformerMachine<Gadget>()
        _ = machine.step(.page([], version: ResourceVersion(4), continueToken: nil))
        _ = machine.step(.watchOpened(at: start))
        _ = machine.step(.events([.put(cached("a", 6), at: ResourceVersion(6)), .bookmark(ResourceVersion(8))]))
        _ = machine.step(.failed(.other, at: start))
        #expect(machine.action == .wait(until: start + .milliseconds(100)))
        _ = machine.step(.waited)
        #expect(machine.action == .watch(after: ResourceVersion(8)))
    }

    @Test("waits longer with each failure, up to 30 s, and little again after a success")
    func backOff() {
        var machine = InformerMachine<Gadget>()
        var waits: [Int64] = []
        func wait() {
            guard case .wait(let deadline) = machine.action else { return waits.append(0) }
            waits.append((deadline - start).milliseconds)
            _ = machine.step(.waited)
        }
        for _ in 0..<11 {
            _ = machine.step(.failed(.other, at: start))
            wait()
        }
        #expect(waits == [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000])
        _ = machine.step(.page([], version: ResourceVersion(4), continueToken: nil))
        waits = []
        _ = machine.step(.failed(.expired, at: start))
        wait()
        #expect(waits == [30_000], "a list alone is no success: it may be expired again and again")
        _ = machine.step(.page([], version: ResourceVersion(4), continueToken: nil))
        _ = machine.step(.watchOpened(at: start))
        _ = machine.step(.failed(.other, at: start + .seconds(30)))
        #expect(machine.action == .wait(until: start + .seconds(30) + .milliseconds(100)), "a watch that held is one")
    }

    @Test("begins a list anew where a page of it failed")
    func brokenList() {
        var machine = InformerMachine<Gadget>()
        _ = machine.step(.page([cached("a", 3)], version: ResourceVersion(9), continueToken: "t"))
        _ = machine.step(.failed(.expired, at: start))
        #expect(machine.action == .list(continueToken: nil))
        let changes = machine.step(.page([cached("b", 10)], version: ResourceVersion(11), continueToken: nil))
        #expect(describe(changes) == ["+b10"])
        #expect(machine.action == .watch(after: ResourceVersion(11)))
    }

    @Test("whatever breaks off and expires, ends with what the store has, and tells handlers a consistent story")
    func property() throws {
        for seed in UInt64(1)...80 {
            var run = try InformerRun(seed: seed)
            try run.random(steps: 300)
            try run.settle()
            #expect(run.problems == [], "seed \(seed)")
            guard run.problems.isEmpty else { return }
        }
    }
}

/// One informer's machine and one store, with faults under a seed.
struct InformerRun {
    private(set) var problems: [String] = []
    private var machine = InformerMachine<Gadget>()
    private var store = ModelStore()
    private var believer = Believer()
    private var random: SeededRandom
    private var now = MonotonicTime(nanoseconds: 0)
    private var isWatching = false
    private let selection: ObjectSelection

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        let labels: LabelSelector = seed % 2 == 0 ? .everything : LabelSelector([.isNotIn("team", ["blue"])])
        selection = ObjectSelection(
            kind: Gadget.definition.kind, namespace: seed % 3 == 0 ? "a" : nil, labels: labels)
        machine.cache.add(.label("team"))
        for _ in 0..<10 { try store.changeSomething(&random) }
    }

    mutating func random(steps: Int) throws {
        for _ in 0..<steps {
            now = now + .milliseconds(Int.random(in: 0..<1_000, using: &random))
            if random.chance(0.5) { try store.changeSomething(&random) }
            if random.chance(0.03) { store.forget() }
            if random.chance(0.7) { try act(faults: 0.1) }
            check()
        }
    }

    /// Without faults from here on: until the machine has seen everything.
    mutating func settle() throws {
        for _ in 0..<1_000 {
            if case .watch(let version) = machine.action, store.events(selection, after: version)?.isEmpty == true {
                return try checkEnd()
            }
            try act(faults: 0)
        }
        problems.append("it never came to an end")
    }

    private mutating func act(faults: Double) throws {
        switch machine.action {
        case .list(let token):
            if random.chance(faults) { return step(.failed(random.chance(0.5) ? .expired : .other, at: now)) }
            let page = store.page(selection, after: token, limit: 3)
            let found = try page.objects.map { try CachedResource<Gadget>($0) }
            step(.page(found, version: page.resourceVersion, continueToken: page.continueToken))
        case .watch(let version):
            guard !random.chance(faults), let events = store.events(selection, after: version) else {
                let isForgotten = store.events(selection, after: version) == nil
                isWatching = false
                return step(.failed(isForgotten ? .expired : .other, at: now))
            }
            if !isWatching {
                isWatching = true
                step(.watchOpened(at: now))
            }
            guard !events.isEmpty else { return }
            let count = Int.random(in: 1...events.count, using: &random)
            var told = try events.prefix(count).map { event -> InformerMachine<Gadget>.Event in
                if event.change == .deleted { return .remove(event.object!.key, at: event.resourceVersion) }
                return .put(try CachedResource(event.object!), at: event.resourceVersion)
            }
            if count == events.count, random.chance(0.3) { told.append(.bookmark(store.version)) }
            step(.events(told))
        case .wait(let deadline):
            now = max(now, deadline)
            step(.waited)
        }
    }

    private mutating func step(_ input: InformerMachine<Gadget>.Input) {
        for change in machine.step(input) { believer.take(change) }
    }

    private mutating func check() {
        problems += believer.contradictions.filter { !problems.contains($0) }
        let cached = machine.cache.resources.elements.map(\.resource)
        if Set(cached.map(\.metadata.name)).count > 12 { problems.append("names from nowhere") }
        if cached.count != believer.known.count { problems.append("handlers know what the cache does not") }
        let inOrder = machine.cache.resources.elements.map(\.key)
        if inOrder != inOrder.sorted() { problems.append("the cache is out of order") }
        for team in ["red", "green", "blue"] {
            let indexed = machine.cache.resources("team", team).elements.map(\.resource)
            if indexed != cached.filter({ $0.metadata.labels["team"] == team }) {
                problems.append("the index of \(team) is wrong")
            }
        }
    }

    private mutating func checkEnd() throws {
        check()
        let expected = try store.selected(selection).map { try $0.decoded(as: Gadget.self) }
        if machine.cache.resources.elements.map(\.resource) != expected {
            problems.append("the cache is not what the store has")
        }
        let known = believer.known.values.sorted {
            ($0.metadata.namespace, $0.metadata.name) < ($1.metadata.namespace, $1.metadata.name)
        }
        if known != expected { problems.append("handlers do not know what the store has") }
    }
}

@Suite("Resources in their order")
struct OrderedResourcesTests {
    @Test("are what a sorted list is, whatever is put and removed")
    func property() {
        for seed in UInt64(1)...6 {
            var random = SeededRandom(seed: seed)
            var ordered = OrderedResources<Gadget>()
            var model: [ObjectKey: Int] = [:]
            if seed % 2 == 0 {
                let initial = (0..<2_000).map { CachedResource(Gadget(format4($0), size: $0)) }
                ordered = OrderedResources(sorted: initial)
                for element in initial { model[element.key] = element.resource.spec.size }
            }
            for step in 0..<3_000 {
                let name = format4(Int.random(in: 0..<3_000, using: &random))
                let namespace = random.chance(0.9) ? "default" : "other"
                let element = CachedResource(Gadget(name, in: namespace, size: step))
                if random.chance(seed < 4 ? 0.3 : 0.6) {
                    #expect(ordered.remove(element.key)?.resource.spec.size == model[element.key], "seed \(seed)")
                    model[element.key] = nil
                } else {
                    #expect(ordered.put(element)?.resource.spec.size == model[element.key], "seed \(seed)")
                    model[element.key] = step
                }
                #expect(ordered[namespace, name]?.resource.spec.size == model[element.key], "seed \(seed)")
            }
            let expected = model.sorted { $0.key < $1.key }
            #expect(ordered.elements.map(\.key) == expected.map(\.key), "seed \(seed)")
            #expect(ordered.elements.map(\.resource.spec.size) == expected.map(\.value), "seed \(seed)")
            #expect(ordered.count == model.count)
            for namespace in ["default", "other", "none"] {
                #expect(
                    ordered.elements(in: namespace).map(\.key)
                        == expected.map(\.key).filter { $0.namespace == namespace }, "seed \(seed)")
            }
        }
    }

    private func format4(_ number: Int) -> String {
        String(String(number + 10_000).dropFirst())
    }
}
