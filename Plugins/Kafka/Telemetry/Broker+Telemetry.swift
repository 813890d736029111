import KafkaWire
import Synchronization
import WeirRuntime

extension Broker {
    /// Tells a client which of its metrics are wanted, and gives it an id where it has none.
    func telemetrySubscriptions(
        _ request: GetTelemetrySubscriptionsRequest, _ context: RequestContext, _ connection: ConnectionHandler
    ) -> GetTelemetrySubscriptionsResponse {
        let instance = request.clientInstanceId.isZero ? instanceIDs.next() : request.clientInstanceId
        let client = telemetryClient(instance, context, connection)
        let subscription = telemetry.subscription(of: client)
        var response = GetTelemetrySubscriptionsResponse()
        response.errorCode = telemetry.asked(client, subscription, now: clock.now)
        guard response.errorCode == .none else { return response }
        response.clientInstanceId = instance
        response.subscriptionId = subscription.id
        response.acceptedCompressionTypes = ClientTelemetry.codecs
        response.pushIntervalMs = subscription.intervalMilliseconds
        response.telemetryMaxBytes = Int32(clamping: settings.telemetrySizeBytesMax)
        response.deltaTemporality = true
        response.requestedMetrics = subscription.metrics
        return response
    }

    /// Takes a client's metrics.
    func pushTelemetry(
        _ request: PushTelemetryRequest, _ context: RequestContext, _ connection: ConnectionHandler
    ) -> PushTelemetryResponse {
        var response = PushTelemetryResponse()
        response.errorCode = telemetry.pushed(
            request, by: telemetryClient(request.clientInstanceId, context, connection),
            sizeBytesMax: settings.telemetrySizeBytesMax, now: clock.now)
        return response
    }

    private func telemetryClient(
        _ instance: WireUUID, _ context: RequestContext, _ connection: ConnectionHandler
    ) -> ClientTelemetry.Client {
        ClientTelemetry.Client(
            instance: instance, id: context.clientID ?? "", software: connection.software,
            address: connection.remoteAddress.host, port: connection.remoteAddress.port)
    }
}

/// What a client said it is when it asked for versions (KIP-511); empty where it did not.
struct ClientSoftware: Sendable, Equatable {
    var name = ""
    var version = ""
}

/// Ids that no other start of the node gives: from its time of start on, spread by SplitMix64.
final class InstanceIDs: Sendable {
    private let state: Mutex<UInt64>

    init(seed: UInt64) { state = Mutex(seed) }

    /// The next id; never zero.
    func next() -> WireUUID {
        state.withLock { state in
            WireUUID(high: Self.step(&state) | 1, low: Self.step(&state))
        }
    }

    private static func step(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
