import Testing
import WeirRuntime

@testable import AdminHTTP

@Suite("Prometheus' text format")
struct PrometheusTextTests {
    @Test("a family is its help, its type and its samples, in this order")
    func family() {
        let family = MetricFamily(
            "weir_things_total", .counter, help: "Things.",
            samples: [
                MetricFamily.Sample(2, labels: [MetricFamily.Label("a", "x"), MetricFamily.Label("b", "y")]),
                MetricFamily.Sample(0.5),
            ])
        #expect(
            PrometheusText.page([family]) == """
                # HELP weir_things_total Things.
                # TYPE weir_things_total counter
                weir_things_total{a="x",b="y"} 2
                weir_things_total 0.5

                """)
    }

    @Test("a family without samples is left out")
    func empty() {
        #expect(PrometheusText.page([MetricFamily("a", .gauge, help: "", samples: [])]) == "")
    }

    @Test("the parts of a histogram have their suffix")
    func histogram() {
        let family = MetricFamily(
            "t_seconds", .histogram, help: "T.",
            samples: [
                MetricFamily.Sample(1, labels: [MetricFamily.Label("le", "+Inf")], suffix: "_bucket"),
                MetricFamily.Sample(0.25, suffix: "_sum"), MetricFamily.Sample(1, suffix: "_count"),
            ])
        let lines = PrometheusText.page([family]).split(separator: "\n").dropFirst(2)
        #expect(lines == ["t_seconds_bucket{le=\"+Inf\"} 1", "t_seconds_sum 0.25", "t_seconds_count 1"])
    }

    @Test(
        "label values are escaped, also where a line feed is half of a character",
        arguments: [
            ("plain", "plain"), ("a\\b", "a\\\\b"), ("say \"x\"", "say \\\"x\\\""), ("two\nlines", "two\\nlines"),
            ("dos\r\nlines", "dos\r\\nlines"), ("größe", "größe"), ("", ""),
        ])
    func labelValue(_ value: String, _ escaped: String) {
        let family = MetricFamily(
            "m", .gauge, help: "", samples: [MetricFamily.Sample(1, labels: [MetricFamily.Label("l", value)])])
        #expect(PrometheusText.page([family]).hasSuffix("m{l=\"\(escaped)\"} 1\n"))
    }

    @Test("help text keeps its quotes, and stays on its line")
    func help() {
        let page = PrometheusText.page([MetricFamily("m", .gauge, help: "\"a\\b\"\r\nc", value: 1)])
        #expect(page.hasPrefix("# HELP m \"a\\\\b\"\r\\nc\n# TYPE m gauge\n"))
    }

    @Test(
        "numbers are written as Prometheus reads them",
        arguments: [
            (0, "0"), (-3, "-3"), (1.5, "1.5"), (9_007_199_254_740_992, "9007199254740992"), (1e300, "1e+300"),
            (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
        ] as [(Double, String)])
    func number(_ value: Double, _ text: String) {
        #expect(PrometheusText.page([MetricFamily("m", .gauge, help: "", value: value)]).hasSuffix("m \(text)\n"))
    }
}

@Suite("What paths mean")
struct AdminRouteTests {
    @Test(
        "each path has its route",
        arguments: [
            ("/livez", .livez), ("/readyz", .readyz), ("/metrics", .metrics), ("/weir/v1/work", .work),
            ("/weir/v1/work/stream", .workStream), ("/weir/v1/drain", .drain(name: nil)),
            ("/weir/v1/drain/", .drain(name: nil)), ("/weir/v1/drain/kafka", .drain(name: "kafka")),
            ("/weir/v1/drain/kafka/orders-0", .drain(name: "kafka/orders-0")),
            ("/weir/v1/drain/kafka%2Forders-0", .drain(name: "kafka/orders-0")),
            ("/weir/v1/drain/caf%C3%A9%2fx", .drain(name: "café/x")), ("/weir/v1/drain/100%", .drain(name: "100%")),
            ("/weir/v1/drain/%zz%4", .drain(name: "%zz%4")), ("/weir/v1/drain/%+1", .drain(name: "%+1")),
        ] as [(String, AdminRoute)])
    func route(_ path: String, _ route: AdminRoute) {
        #expect(AdminRoute(path: path) == route)
    }

    @Test(
        "other paths have none",
        arguments: ["", "/", "/livez/", "/livezz", "/weir", "/weir/v1", "/weir/v1/works", "/weir/v1/drains", "livez"])
    func nothing(_ path: String) {
        #expect(AdminRoute(path: path) == nil)
    }
}
