extension Sequence where Element: Hashable {
    /// Each element once, where it is first: what a client names over and over is not answered as often.
    var uniqued: [Element] { uniqued { $0 } }
}

extension Sequence {
    /// The first element of each key.
    func uniqued<Key: Hashable>(by key: (Element) -> Key) -> [Element] {
        var seen: Set<Key> = []
        return filter { seen.insert(key($0)).inserted }
    }
}
