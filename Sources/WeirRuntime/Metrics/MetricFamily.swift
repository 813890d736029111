/// One metric and its samples, as a scrape finds them: what `/metrics` prints.
///
/// Names, units and suffixes follow Prometheus: `weir_<what>_<unit>`, counters end in `_total`.
public struct MetricFamily: Sendable, Hashable {
    /// What kind of metric it is.
    public enum Kind: String, Sendable, Hashable {
        /// Only rises.
        case counter
        /// Rises and falls.
        case gauge
        /// Counts of observations by upper bound.
        case histogram
    }

    /// One value, told apart by its labels.
    public struct Sample: Sendable, Hashable {
        /// Appended to the family's name: `_bucket`, `_sum`, `_count` of a histogram, otherwise empty.
        public var suffix: String
        /// Label names and values, in the order printed.
        public var labels: [Label]
        /// The value.
        public var value: Double

        /// A value with its labels.
        public init(_ value: Double, labels: [Label] = [], suffix: String = "") {
            self.value = value
            self.labels = labels
            self.suffix = suffix
        }
    }

    /// A label of a sample.
    public struct Label: Sendable, Hashable {
        /// The label's name.
        public var name: String
        /// Its value, not escaped.
        public var value: String

        /// The label `name` with `value`.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The full name.
    public var name: String
    /// One line that says what it is.
    public var help: String
    /// The kind.
    public var kind: Kind
    /// The samples.
    public var samples: [Sample]

    /// A family with its samples.
    public init(_ name: String, _ kind: Kind, help: String, samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// A family with one sample without labels.
    public init(_ name: String, _ kind: Kind, help: String, value: Double) {
        self.init(name, kind, help: help, samples: [Sample(value)])
    }
}

/// What can be scraped: a component's probe.
///
/// Values are read when they are asked for, not stored beside the state they describe; the source hops
/// to the loop that owns the state.
public protocol MetricSource: Sendable {
    /// The metrics as they are now.
    func collectMetrics() async -> [MetricFamily]
}
