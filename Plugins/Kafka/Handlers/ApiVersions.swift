import KafkaWire

extension Broker {
    /// Tells which APIs are served, in which versions, and the levels of features.
    func apiVersions(_ request: ApiVersionsRequest, _ context: RequestContext) -> ApiVersionsResponse {
        var response = ApiVersionsResponse()
        response.apiKeys = apiRanges
        // Clients of version 3 may take a lowest level of 0 for a damaged answer (KAFKA-17011).
        let levelMin: Int16 = context.version >= 4 ? 0 : 1
        response.supportedFeatures = Feature.all.map { feature in
            var supported = ApiVersionsResponse.SupportedFeatureKey()
            supported.name = feature.name
            supported.minVersion = max(feature.supported.lowerBound, levelMin)
            supported.maxVersion = feature.supported.upperBound
            return supported
        }
        response.finalizedFeaturesEpoch = Int64(clamping: configurations.version(of: FeatureSettings.resource))
        response.finalizedFeatures = Feature.all.compactMap { feature in
            let level = configurations.level(of: feature)
            guard level > 0 else { return nil }
            var finalized = ApiVersionsResponse.FinalizedFeatureKey()
            finalized.name = feature.name
            finalized.maxVersionLevel = level
            finalized.minVersionLevel = level
            return finalized
        }
        return response
    }

    /// The level of a feature that is in force (KIP-584).
    func level(of feature: Feature) -> Int16 { configurations.level(of: feature) }

    /// The APIs served with the versions that are told.
    ///
    /// Those of client metrics only where somebody wants some, as with Kafka: clients that see them ask at each start.
    var apiRanges: [ApiVersionsResponse.ApiVersion] {
        let wantsTelemetry = !configurations.names(ofType: ConfigurationResource.Kind.clientMetrics).isEmpty
        return wantsTelemetry ? Self.ranges : Self.rangesWithoutTelemetry
    }

    private static let rangesWithoutTelemetry = ranges.filter {
        $0.apiKey != .getTelemetrySubscriptions && $0.apiKey != .pushTelemetry
    }

    private static let ranges = ApiTable.standard.entries.map { entry in
        var range = ApiVersionsResponse.ApiVersion()
        range.apiKey = entry.key
        range.minVersion = entry.advertised.lowerBound
        range.maxVersion = entry.advertised.upperBound
        return range
    }
}
