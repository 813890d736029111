import Coordinators
import Synchronization
import WeirRuntime

/// What the coordinators of a node are doing, read from their loops when it is asked for.
struct CoordinatorMetrics: Sendable {
    let host: CoordinatorHost

    func collect() async -> [MetricFamily] {
        let groups = await Self.gauges(of: host.groups)
        let transactions = await Self.gauges(of: host.transactions)
        return Self.families([("groups", groups), ("transactions", transactions)]) + (await groupFamilies())
    }

    // MARK: Shards

    /// All shards of one coordinator, added up.
    private struct Gauges: Sendable {
        var shards = 0
        var loading = 0
        var waiting = 0
        var counts = CoordinatorCounts()
        var longestLoad = Duration.zero

        mutating func add(_ other: Gauges) {
            shards += other.shards
            loading += other.loading
            waiting += other.waiting
            counts.add(other.counts)
            longestLoad = max(longestLoad, other.longestLoad)
        }
    }

    private static func gauges<Machine>(of coordinator: Coordinator<Machine>) async -> Gauges {
        await coordinator.collect(into: Gauges()) { gauges, shard in
            gauges.add(
                Gauges(
                    shards: 1, loading: shard.machine == nil ? 1 : 0, waiting: shard.waitingCount,
                    counts: shard.counts, longestLoad: shard.counts.lastLoad))
        } merge: { gauges, part in
            gauges.add(part)
        }
    }

    private static func families(_ all: [(name: String, gauges: Gauges)]) -> [MetricFamily] {
        func family(
            _ name: String, _ kind: MetricFamily.Kind, _ help: String, _ value: (Gauges) -> Double
        ) -> MetricFamily {
            MetricFamily(
                "weir_kafka_coordinator_\(name)", kind, help: help,
                samples: all.map {
                    MetricFamily.Sample(value($0.gauges), labels: [.init("coordinator", $0.name)])
                })
        }
        return [
            family("partitions", .gauge, "Partitions of the internal topic that this node coordinates.") {
                Double($0.shards)
            },
            family("loading_partitions", .gauge, "Those whose log is still being read, or cannot be.") {
                Double($0.loading)
            },
            family("waiting_requests", .gauge, "Requests that wait for other members, for time, or for a commit.") {
                Double($0.waiting)
            },
            family("appended_records_total", .counter, "Records that coordinators appended.") {
                Double($0.counts.appendedRecords)
            },
            family("appended_bytes_total", .counter, "Bytes that coordinators appended.") {
                Double($0.counts.appendedBytes)
            },
            family("loads_total", .counter, "Logs that were read whole.") { Double($0.counts.loads) },
            family("loaded_records", .gauge, "Records that the last loads read.") { Double($0.counts.loadedRecords) },
            family("load_seconds_max", .gauge, "The longest of the last loads.") {
                Double($0.longestLoad.nanoseconds) / 1e9
            },
            family("failures_total", .counter, "Appends, commits and loads that failed.") {
                Double($0.counts.failures)
            },
            family("overloads_total", .counter, "Requests refused because too many waited.") {
                Double($0.counts.overloads)
            },
        ]
    }

    // MARK: Groups

    private func groupFamilies() async -> [MetricFamily] {
        let census = await host.groups.collect(into: GroupCensus()) { census, shard in
            if let machine = shard.machine { census.add(machine.census) }
        } merge: { census, part in
            census.add(part)
        }
        let sorts = census.groupCounts.sorted { ($0.key.type, $0.key.state) < ($1.key.type, $1.key.state) }
        return [
            MetricFamily(
                "weir_kafka_groups", .gauge, help: "Groups that this node coordinates, by protocol and state.",
                samples: sorts.map { sort, count in
                    MetricFamily.Sample(
                        Double(count), labels: [.init("type", sort.type), .init("state", sort.state)])
                }),
            MetricFamily(
                "weir_kafka_group_members", .gauge, help: "Members of those groups.",
                value: Double(census.memberCount)),
            MetricFamily(
                "weir_kafka_group_generations_total", .counter,
                help: "Rebalances of classic groups that came to an end.", value: Double(host.generations.value)),
            MetricFamily(
                "weir_kafka_group_committed_offsets_total", .counter,
                help: "Offsets that groups committed, transactions aside.", value: Double(host.commits.value)),
        ]
    }
}

extension Coordinator {
    /// Reads something of every shard on its loop, one hop a loop.
    fileprivate func collect<Value: Sendable>(
        into empty: Value, _ read: @escaping @Sendable (inout Value, Shard) -> Void,
        merge: (inout Value, Value) -> Void
    ) async -> Value {
        let parts = await shards.onLoops { shards in
            var part = empty
            for shard in shards { read(&part, shard) }
            return part
        }
        return parts.reduce(into: empty) { merge(&$0, $1) }
    }
}

extension CoordinatorCounts {
    fileprivate mutating func add(_ other: CoordinatorCounts) {
        appendedRecords += other.appendedRecords
        appendedBytes += other.appendedBytes
        failures += other.failures
        overloads += other.overloads
        loads += other.loads
        loadedRecords += other.loadedRecords
    }
}

extension GroupCensus {
    fileprivate mutating func add(_ other: GroupCensus) {
        memberCount += other.memberCount
        groupCounts.merge(other.groupCounts) { $0 + $1 }
    }
}

/// A number that only grows, counted from any thread.
final class EventCounter: Sendable {
    private let total = Atomic<UInt64>(0)

    var value: UInt64 { total.load(ordering: .relaxed) }

    func add(_ count: Int = 1) { total.wrappingAdd(UInt64(clamping: count), ordering: .relaxed) }
}
