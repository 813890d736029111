internal import KafkaWire

/// Features that a cluster can turn on and off for all its clients (KIP-584): what each may be, and what it is at first.
struct Feature: Sendable {
    /// Kafka's name.
    let name: String
    /// The levels that this node has.
    let supported: ClosedRange<Int16>
    /// The level where nobody chose one.
    let standard: Int16

    /// The protocol of groups: 1 has KIP-848's.
    static let groups = Feature(name: "group.version", supported: 0...1, standard: 1)
    /// The protocol of transactions: 2 has KIP-890's second part, where each transaction has an epoch of its own.
    static let transactions = Feature(name: "transaction.version", supported: 0...2, standard: 2)

    /// Every feature, by name.
    static let all = [groups, transactions]
}

/// The levels that were chosen, kept like a configuration.
enum FeatureSettings {
    static let resource = ConfigurationResource(type: ConfigurationResource.Kind.features, name: "levels")

    static let table = SettingTable(
        Feature.all.map { feature in
            SettingDefinition(
                feature.name, .short, default: "\(feature.standard)",
                .between(Int64(feature.supported.lowerBound), Int64(feature.supported.upperBound)),
                "The level of the feature that clients are told.")
        })
}

extension ConfigurationStore {
    /// The level of a feature that is in force.
    func level(of feature: Feature) -> Int16 {
        values(of: FeatureSettings.resource)[feature.name].flatMap { Int16($0) } ?? feature.standard
    }
}

extension UpdateFeaturesRequest {
    /// How an update may move a level (KIP-584, KIP-778).
    private enum Direction {
        static let upgrade: Int8 = 1
        static let safeDowngrade: Int8 = 2
        static let unsafeDowngrade: Int8 = 3
    }

    /// Changes the levels of features, all or none.
    func answer(by configurations: ConfigurationStore, version: Int16) async -> UpdateFeaturesResponse {
        var complaints: [String: TopicError] = [:]
        var seen: Set<String> = []
        for update in featureUpdates {
            if let complaint = complaint(
                about: update, configurations, version, isFirst: seen.insert(update.feature).inserted)
            {
                complaints[update.feature] = complaint
            }
        }
        guard let first = complaints.min(by: { $0.key < $1.key })?.value else {
            let operations = featureUpdates.map {
                ConfigurationOperation(name: $0.feature, kind: .set, value: "\($0.maxVersionLevel)")
            }
            do throws(TopicError) {
                try await configurations.alter(
                    FeatureSettings.resource, .apply(operations), validateOnly ? .validateOnly : .perform)
                return response(version) { _ in nil }
            } catch {
                return response(version, failure: error) { _ in error }
            }
        }
        let all = TopicError(
            first.code,
            "The update failed for all features since the following feature had an error: \(first.message)")
        return response(version, failure: all) { complaints[$0] ?? all }
    }

    private func complaint(
        about update: FeatureUpdateKey, _ configurations: ConfigurationStore, _ version: Int16, isFirst: Bool
    ) -> TopicError? {
        func invalid(_ reason: String) -> TopicError {
            TopicError(
                .invalidUpdateVersion,
                "Invalid update version \(update.maxVersionLevel) for feature \(update.feature). \(reason)")
        }
        guard isFirst else { return TopicError(.invalidRequest, "The feature \(update.feature) is named twice.") }
        guard let feature = Feature.all.first(where: { $0.name == update.feature }) else {
            return invalid("This node does not support this feature.")
        }
        guard feature.supported.contains(update.maxVersionLevel) else {
            return invalid(
                "This node only supports versions \(feature.supported.lowerBound)-\(feature.supported.upperBound)")
        }
        let current = configurations.level(of: feature)
        // Before version 1 there is a flag in the place of the direction.
        let direction =
            version == 0 ? (update.allowDowngrade ? Direction.safeDowngrade : Direction.upgrade) : update.upgradeType
        switch direction {
        case Direction.upgrade:
            guard update.maxVersionLevel < current else { return nil }
            return invalid(
                "Can't downgrade the version of this feature without setting the upgrade type to either safe or "
                    + "unsafe downgrade.")
        case Direction.safeDowngrade, Direction.unsafeDowngrade:
            guard update.maxVersionLevel > current else { return nil }
            return invalid("Can't downgrade to a newer version.")
        default: return TopicError(.invalidRequest, "Unknown upgrade type \(direction)")
        }
    }

    private func response(
        _ version: Int16, failure: TopicError? = nil, _ error: (String) -> TopicError?
    ) -> UpdateFeaturesResponse {
        var response = UpdateFeaturesResponse()
        response.errorMessage = nil
        if version >= 2 {
            response.errorCode = failure?.code ?? .none
            response.errorMessage = failure?.message
            return response
        }
        response.results = featureUpdates.map { update in
            let error = error(update.feature)
            var result = UpdateFeaturesResponse.UpdatableFeatureResult()
            result.feature = update.feature
            result.errorCode = error?.code ?? .none
            result.errorMessage = error?.message
            return result
        }
        return response
    }
}
