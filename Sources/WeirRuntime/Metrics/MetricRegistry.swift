internal import Synchronization

/// All that can be scraped in this process: sources come and go while it runs.
public final class MetricRegistry: Sendable {
    /// What `add` returns and `remove` takes.
    public struct Registration: Sendable, Hashable {
        fileprivate let id: Int
    }

    private struct Sources {
        var nextID = 0
        var byID: [Int: any MetricSource] = [:]
    }

    private let sources = Mutex(Sources())

    /// No sources.
    public init() {}

    /// Adds a source to every later scrape.
    @discardableResult
    public func add(_ source: any MetricSource) -> Registration {
        sources.withLock { sources in
            sources.nextID += 1
            sources.byID[sources.nextID] = source
            return Registration(id: sources.nextID)
        }
    }

    /// Takes a source out of later scrapes.
    public func remove(_ registration: Registration) {
        sources.withLock { $0.byID[registration.id] = nil }
    }

    /// All families, in the order in which their first source was added; families of one name are merged.
    ///
    /// Asks the sources one after another. Prometheus refuses a page on which a family occurs twice,
    /// so samples of one name stand together under the first source's help text.
    public func collect() async -> [MetricFamily] {
        let sources = self.sources.withLock { $0.byID.sorted { $0.key < $1.key }.map(\.value) }
        var families: [MetricFamily] = []
        var position: [String: Int] = [:]
        for source in sources {
            for family in await source.collectMetrics() {
                if let index = position[family.name] {
                    families[index].samples.append(contentsOf: family.samples)
                } else {
                    position[family.name] = families.count
                    families.append(family)
                }
            }
        }
        return families
    }
}
