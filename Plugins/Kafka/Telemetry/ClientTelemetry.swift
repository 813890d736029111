import Coordinators
import KafkaWire
import NIOCore
import Synchronization
import WeirRuntime

/// Clients' metrics (KIP-714): which clients are asked for what, and what they push.
///
/// What is asked is set for resources of the type client-metrics. What comes is checked, counted and dropped: nobody
/// here reads it yet. From any thread.
final class ClientTelemetry: Sendable {
    /// Client instances that are remembered at once.
    static let instanceCountMax = 16_384
    /// How often clients ask again that are asked for nothing, in milliseconds.
    static let intervalStandard: Int32 = 300_000
    /// The codecs taken, the best first: zstd, lz4, gzip, snappy. 0 is none.
    static let codecs: [Int8] = [4, 3, 1, 2]
    /// Patterns that are kept compiled.
    private static let patternCountMax = 256
    /// How long full instances are not searched again for idle ones.
    fileprivate static let searchInterval: Duration = .seconds(1)

    /// Who a client says it is, and where it is.
    struct Client: Sendable {
        var instance: WireUUID
        var id: String
        var software: ClientSoftware
        var address: String
        var port: String

        func attribute(_ name: String) -> String? {
            switch name {
            case "client_instance_id": instance.description
            case "client_id": id
            case "client_software_name": software.name
            case "client_software_version": software.version
            case "client_source_address": address
            case "client_source_port": port
            default: nil
            }
        }
    }

    /// What one client is asked for.
    struct Subscription: Sendable, Equatable {
        var id: Int32
        var metrics: [String]
        var intervalMilliseconds: Int32
    }

    fileprivate struct Instance {
        var lastAsked: MonotonicTime?
        var lastPushed: MonotonicTime?
        var lastUsed: MonotonicTime
        var interval: Duration
        var mayAskAgain = false
        var isTerminating = false
    }

    fileprivate struct State {
        var instances: [WireUUID: Instance] = [:]
        var nextSearch = MonotonicTime(nanoseconds: 0)
        /// The patterns that clients are chosen by, compiled; nil: the text is none.
        var patterns: [String: TextPattern?] = [:]
    }

    private let configurations: ConfigurationStore
    private let probe: KafkaProbe
    private let state = Mutex(State())

    init(_ configurations: ConfigurationStore, probe: KafkaProbe) {
        self.configurations = configurations
        self.probe = probe
    }

    /// What a client is asked for: the union of all subscriptions that match it, at the shortest of their intervals.
    func subscription(of client: Client) -> Subscription {
        var metrics: Set<String> = []
        var interval: Int32?
        for name in configurations.names(ofType: ConfigurationResource.Kind.clientMetrics) {
            let values = configurations.values(
                of: ConfigurationResource(type: ConfigurationResource.Kind.clientMetrics, name: name))
            guard matches(client, SettingDefinition.elements(of: values["match"] ?? "")) else { continue }
            metrics.formUnion(SettingDefinition.elements(of: values["metrics"] ?? ""))
            let asked = values["interval.ms"].flatMap { Int32($0) } ?? Self.intervalStandard
            interval = min(interval ?? .max, asked)
        }
        let asked = metrics.contains("*") ? ["*"] : metrics.sorted()
        let every = interval ?? Self.intervalStandard
        return Subscription(
            id: Self.id("\(client.instance) \(asked.joined(separator: ",")) \(every)"), metrics: asked,
            intervalMilliseconds: every)
    }

    /// Takes note that a client asks what it is asked for; the error where it asks too often, or there is no room.
    func asked(_ client: Client, _ subscription: Subscription, now: MonotonicTime) -> ErrorCode {
        state.withLock { state in
            guard state.remember(client.instance, subscription, now: now) else { return .throttlingQuotaExceeded }
            guard var instance = state.instances[client.instance] else { return .throttlingQuotaExceeded }
            if let last = instance.lastAsked, now - last < instance.interval, !instance.mayAskAgain {
                return .throttlingQuotaExceeded
            }
            instance.lastAsked = now
            instance.mayAskAgain = false
            instance.interval = .milliseconds(Int64(subscription.intervalMilliseconds))
            state.instances[client.instance] = instance
            return .none
        }
    }

    /// Takes what a client pushes, or says why not.
    func pushed(
        _ request: PushTelemetryRequest, by client: Client, sizeBytesMax: Int, now: MonotonicTime
    ) -> ErrorCode {
        guard !client.instance.isZero else { return .invalidRequest }
        let subscription = subscription(of: client)
        return state.withLock { state in
            guard state.remember(client.instance, subscription, now: now),
                var instance = state.instances[client.instance]
            else { return .throttlingQuotaExceeded }
            defer { state.instances[client.instance] = instance }
            // Kafka: nothing comes after the last push.
            if instance.isTerminating { return .invalidRequest }
            if !request.terminating, let last = instance.lastPushed, now - last < instance.interval {
                return .throttlingQuotaExceeded
            }
            instance.lastPushed = now
            guard request.subscriptionId == subscription.id else {
                instance.mayAskAgain = true
                return .unknownSubscriptionId
            }
            guard request.compressionType == 0 || Self.codecs.contains(request.compressionType) else {
                instance.mayAskAgain = true
                return .unsupportedCompressionType
            }
            guard request.metrics.readableBytes <= sizeBytesMax else { return .telemetryTooLarge }
            instance.isTerminating = request.terminating
            probe.telemetryPushed(request.metrics.readableBytes)
            return .none
        }
    }

    private func matches(_ client: Client, _ conditions: [String]) -> Bool {
        conditions.allSatisfy { condition in
            let parts = condition.split(separator: "=", maxSplits: 1).map { String($0).trimmed }
            guard parts.count == 2, let value = client.attribute(parts[0]) else { return false }
            return pattern(parts[1])?.matches(value) ?? false
        }
    }

    private func pattern(_ text: String) -> TextPattern? {
        state.withLock { state in
            if let known = state.patterns[text] { return known }
            // They change seldom; what was set before need not be kept.
            if state.patterns.count >= Self.patternCountMax { state.patterns = [:] }
            let pattern = try? TextPattern(text)
            state.patterns.updateValue(pattern, forKey: text)
            return pattern
        }
    }

    /// The same id for the same text, in every process (FNV-1a).
    private static func id(_ text: String) -> Int32 {
        var hash: UInt32 = 2_166_136_261
        for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return Int32(bitPattern: hash)
    }
}

extension ClientTelemetry.State {
    /// Whether the instance is known, or there was room for one more.
    fileprivate mutating func remember(
        _ id: WireUUID, _ subscription: ClientTelemetry.Subscription, now: MonotonicTime
    ) -> Bool {
        if instances[id] != nil {
            instances[id]?.lastUsed = now
            return true
        }
        if instances.count >= ClientTelemetry.instanceCountMax {
            guard now >= nextSearch else { return false }
            nextSearch = now + ClientTelemetry.searchInterval
            instances = instances.filter { now - $0.value.lastUsed <= $0.value.interval * 3 }
            guard instances.count < ClientTelemetry.instanceCountMax else { return false }
        }
        instances[id] = ClientTelemetry.Instance(
            lastUsed: now, interval: .milliseconds(Int64(subscription.intervalMilliseconds)))
        return true
    }
}
