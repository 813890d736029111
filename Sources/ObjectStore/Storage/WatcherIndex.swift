/// Finds the watchers of a change without looking at the others.
///
/// A watcher stands under what its selection fixes: kind, namespace, name, or any of them, or nothing. A change looks
/// under all combinations that somebody uses; there are eight.
struct WatcherIndex {
    private struct Place: Hashable {
        var kind: ObjectKind?
        var namespace: String?
        var name: String?

        /// Which of the three are fixed, as bits.
        var shape: Int { (kind == nil ? 0 : 1) | (namespace == nil ? 0 : 2) | (name == nil ? 0 : 4) }
    }

    private var places: [Place: [Int: Watcher]] = [:]
    /// How many places of each shape there are.
    private var shapes = [Int](repeating: 0, count: 8)
    private var withBookmarks: [Int: Watcher] = [:]

    var isEmpty: Bool { places.isEmpty }

    mutating func add(_ watcher: Watcher) {
        let place = Self.place(of: watcher.query.selection)
        if places[place] == nil { shapes[place.shape] += 1 }
        places[place, default: [:]][watcher.id] = watcher
        if watcher.query.sendsBookmarks { withBookmarks[watcher.id] = watcher }
    }

    mutating func remove(_ watcher: Watcher) {
        let place = Self.place(of: watcher.query.selection)
        withBookmarks[watcher.id] = nil
        guard places[place]?.removeValue(forKey: watcher.id) != nil, places[place]?.isEmpty == true else { return }
        places[place] = nil
        shapes[place.shape] -= 1
    }

    /// All whose selection a change of `key` may concern.
    func forEach(of key: ObjectKey, _ body: (Watcher) -> Void) {
        for shape in 0..<8 where shapes[shape] > 0 {
            let place = Place(
                kind: shape & 1 == 0 ? nil : key.kind, namespace: shape & 2 == 0 ? nil : key.namespace,
                name: shape & 4 == 0 ? nil : key.name)
            guard let watchers = places[place] else { continue }
            for watcher in watchers.values { body(watcher) }
        }
    }

    func forEach(_ body: (Watcher) -> Void) {
        for watchers in places.values {
            for watcher in watchers.values { body(watcher) }
        }
    }

    func forEachWithBookmarks(_ body: (Watcher) -> Void) {
        for watcher in withBookmarks.values { body(watcher) }
    }

    private static func place(of selection: ObjectSelection) -> Place {
        func fixed(_ path: String) -> String? {
            selection.fields.requirements.first { $0.isEqual && $0.path == path }?.value
        }
        return Place(
            kind: selection.kind, namespace: selection.namespace ?? fixed("metadata.namespace"),
            name: fixed("metadata.name"))
    }
}
