import KafkaWire

extension Broker {
    /// Tells which APIs are served, in which versions.
    func apiVersions(_ request: ApiVersionsRequest, _ context: RequestContext) -> ApiVersionsResponse {
        var response = ApiVersionsResponse()
        response.apiKeys = apiRanges
        return response
    }

    /// The APIs served with the versions that are told.
    var apiRanges: [ApiVersionsResponse.ApiVersion] { Self.ranges }

    private static let ranges = ApiTable.standard.entries.map { entry in
        var range = ApiVersionsResponse.ApiVersion()
        range.apiKey = entry.key
        range.minVersion = entry.advertised.lowerBound
        range.maxVersion = entry.advertised.upperBound
        return range
    }
}
