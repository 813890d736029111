import KafkaWire
import WeirRuntime

extension Broker {
    /// Tells a client which of its metrics are wanted, and gives it an id where it has none.
    func telemetrySubscriptions(
        _ request: GetTelemetrySubscriptionsRequest, _ context: RequestContext, _ connection: ConnectionHandler
    ) -> GetTelemetrySubscriptionsResponse {
        let instance = request.clientInstanceId.isZero ? newInstanceID() : request.clientInstanceId
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

    /// An id for a client that has none; zero means none.
    private func newInstanceID() -> WireUUID { RandomUUID(randomBits).wire }

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
