import Synchronization
import WeirRuntime

/// The counters of the HTTP server.
final class AdminProbe: MetricSource {
    private let requests = Mutex<[Answer: UInt64]>([:])

    /// What is told apart.
    private struct Answer: Hashable {
        var path: String
        var status: Int
    }

    /// Counts an answer; `path` is the route, not what the client wrote.
    func answered(_ path: String, _ status: Int) {
        requests.withLock { $0[Answer(path: path, status: status), default: 0] += 1 }
    }

    func collectMetrics() async -> [MetricFamily] {
        let samples = requests.withLock { requests in
            requests.sorted { ($0.key.path, $0.key.status) < ($1.key.path, $1.key.status) }.map { answer, count in
                MetricFamily.Sample(
                    Double(count),
                    labels: [
                        MetricFamily.Label("path", answer.path), MetricFamily.Label("status", String(answer.status)),
                    ])
            }
        }
        return [
            MetricFamily("weir_http_requests_total", .counter, help: "HTTP requests answered.", samples: samples)
        ]
    }
}
