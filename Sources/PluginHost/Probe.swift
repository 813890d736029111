internal import Synchronization
public import WeirRuntime

/// The functions of the host's table, as metrics name them.
enum HostFunction: Int, CaseIterable {
    case release
    case log
    case config
    case objectGet
    case objectList
    case objectCreate
    case objectUpdate
    case objectPatch
    case objectDelete
    case objectWatch
    case watchEnd
    case recordProduce
    case recordConsume
    case workBegin
    case workFork
    case workEnd
    case workCheck
    case reconcileComplete

    /// The name in weir_plugin.h.
    var label: String {
        switch self {
        case .release: "release"
        case .log: "log"
        case .config: "config"
        case .objectGet: "object_get"
        case .objectList: "object_list"
        case .objectCreate: "object_create"
        case .objectUpdate: "object_update"
        case .objectPatch: "object_patch"
        case .objectDelete: "object_delete"
        case .objectWatch: "object_watch"
        case .watchEnd: "watch_end"
        case .recordProduce: "record_produce"
        case .recordConsume: "record_consume"
        case .workBegin: "work_begin"
        case .workFork: "work_fork"
        case .workEnd: "work_end"
        case .workCheck: "work_check"
        case .reconcileComplete: "reconcile_complete"
        }
    }
}

/// The counters of one plugin.
public final class PluginProbe: MetricSource {
    private struct Counts {
        var calls = [UInt64](repeating: 0, count: HostFunction.allCases.count)
        var failures = [UInt64](repeating: 0, count: HostFunction.allCases.count)
        var refusals: [Refusal: UInt64] = [:]
        var isGivenUp = false
        var deadlinesMissed: UInt64 = 0
    }

    private struct Refusal: Hashable {
        var verb: String
        var what: String
    }

    private let name: String
    private let version: String
    private let counts = Mutex(Counts())

    init(name: String, version: String) {
        self.name = name
        self.version = version
    }

    func count(_ function: HostFunction) {
        counts.withLock { $0.calls[function.rawValue] += 1 }
    }

    func countFailure(_ function: HostFunction) {
        counts.withLock { $0.failures[function.rawValue] += 1 }
    }

    /// Counts something that is not granted; says whether it is the first of its kind.
    ///
    /// Beyond so many kinds they are counted together, and only the first of those is a first one.
    func countRefusal(_ verb: Verb, _ what: String) -> Bool {
        counts.withLock { counts in
            var refusal = Refusal(verb: verb.rawValue, what: what)
            if counts.refusals[refusal] == nil, counts.refusals.count >= Limits.refusalsMax {
                refusal.what = "others"
            }
            counts.refusals[refusal, default: 0] += 1
            return counts.refusals[refusal] == 1
        }
    }

    func countMissedDeadline() {
        counts.withLock { counts in
            counts.isGivenUp = true
            counts.deadlinesMissed += 1
        }
    }

    /// What the plugin called, what was refused, and whether it was given up.
    public func collectMetrics() async -> [MetricFamily] {
        let counts = counts.withLock { $0 }
        let plugin = MetricFamily.Label("plugin", name)
        func byFunction(_ values: [UInt64]) -> [MetricFamily.Sample] {
            HostFunction.allCases.compactMap { function in
                guard counts.calls[function.rawValue] > 0 else { return nil }
                return MetricFamily.Sample(
                    Double(values[function.rawValue]),
                    labels: [plugin, MetricFamily.Label("function", function.label)])
            }
        }
        let refusals = counts.refusals.sorted { ($0.key.what, $0.key.verb) < ($1.key.what, $1.key.verb) }
        return [
            MetricFamily(
                "weir_plugin_info", .gauge, help: "1 for each plugin, with its version.",
                samples: [MetricFamily.Sample(1, labels: [plugin, MetricFamily.Label("version", version)])]),
            MetricFamily(
                "weir_plugin_given_up", .gauge, help: "1 where the plugin missed a deadline and was given up.",
                samples: [MetricFamily.Sample(counts.isGivenUp ? 1 : 0, labels: [plugin])]),
            MetricFamily(
                "weir_plugin_deadlines_missed_total", .counter, help: "Calls into the plugin that came back too late.",
                samples: [MetricFamily.Sample(Double(counts.deadlinesMissed), labels: [plugin])]),
            MetricFamily(
                "weir_plugin_host_calls_total", .counter, help: "Calls of host functions.",
                samples: byFunction(counts.calls)),
            MetricFamily(
                "weir_plugin_host_call_errors_total", .counter, help: "Calls of host functions that gave an error.",
                samples: byFunction(counts.failures)),
            MetricFamily(
                "weir_plugin_refused_total", .counter,
                help: "Calls of host functions that the configuration does not grant.",
                samples: refusals.map { refusal, count in
                    MetricFamily.Sample(
                        Double(count),
                        labels: [
                            plugin, MetricFamily.Label("verb", refusal.verb),
                            MetricFamily.Label("what", refusal.what),
                        ])
                }),
        ]
    }
}
