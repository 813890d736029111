/// How often a client tries again what failed with an error that may pass, and how long it waits between.
public struct RetryPolicy: Sendable, Hashable {
    /// How often after the first time.
    public var countMax: Int
    /// How long before each.
    public var delay: Duration

    /// For about a minute, five times a second.
    public init(countMax: Int = 300, delay: Duration = .milliseconds(200)) {
        self.countMax = countMax
        self.delay = delay
    }

    /// Not at all.
    public static let never = RetryPolicy(countMax: 0, delay: .zero)
}

extension KafkaClient {
    /// Runs `body` until it succeeds or fails for good; forgets who leads `topic` before it tries again.
    func retrying<Answer: Sendable>(
        _ topic: String, _ policy: RetryPolicy, _ body: @Sendable () async throws -> Answer
    ) async throws -> Answer {
        var left = policy.countMax
        while true {
            do {
                return try await body()
            } catch let error as ClientError where error.isRetriable && left > 0 {
                left -= 1
                forgetLeaders(of: topic)
                onRetry?(error)
                try await Task.sleep(for: policy.delay)
            }
        }
    }
}
