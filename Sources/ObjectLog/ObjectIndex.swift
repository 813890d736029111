internal import ObjectStore

/// Objects by key, and in the order of their keys.
struct ObjectIndex: Sendable {
    /// An object as it is kept; shared with readers by one reference.
    final class Entry: Sendable {
        let object: Object
        /// Bytes of its record.
        let sizeBytes: Int

        init(_ object: Object, sizeBytes: Int) {
            self.object = object
            self.sizeBytes = sizeBytes
        }
    }

    /// The objects of one kind and namespace, by name and in the order of their names.
    fileprivate struct Shelf: Sendable {
        var byName: [String: Entry] = [:]
        var inOrder = SortedRuns<Entry>()
    }

    /// The objects of one kind.
    fileprivate struct Shelves: Sendable {
        var byNamespace: [String: Shelf] = [:]
        var namespaces = SortedRuns<String>()
    }

    private var shelves: [ObjectKind: Shelves] = [:]

    /// The object of a key; nil: there is none.
    subscript(key: ObjectKey) -> Entry? {
        shelves[key.kind]?.byNamespace[key.namespace]?.byName[key.name]
    }

    /// Stores an object in the place of the one that is there, which it returns.
    @discardableResult
    mutating func set(_ key: ObjectKey, _ entry: Entry) -> Entry? {
        shelves[key.kind, default: Shelves()].set(key, entry)
    }

    /// Removes an object and returns it; nil where there is none.
    @discardableResult
    mutating func remove(_ key: ObjectKey) -> Entry? {
        guard let removed = shelves[key.kind]?.remove(key) else { return nil }
        if shelves[key.kind]?.byNamespace.isEmpty == true { shelves[key.kind] = nil }
        return removed
    }

    /// The objects of a kind and namespace (nil: of all), in the order of their keys, after `position`.
    func entries(
        kind: ObjectKind? = nil, namespace: String? = nil, after position: ObjectKey? = nil, countMax: Int
    ) -> [Entry] {
        var found: [Entry] = []
        for kind in kind.map({ [$0] }) ?? shelves.keys.sorted() {
            if let position, kind < position.kind { continue }
            guard let shelves = shelves[kind] else { continue }
            let start = position?.kind == kind ? position : nil
            shelves.collect(namespace, after: start, countMax, into: &found)
            if found.count >= countMax { break }
        }
        return found
    }
}

extension ObjectIndex.Shelves {
    fileprivate mutating func set(_ key: ObjectKey, _ entry: ObjectIndex.Entry) -> ObjectIndex.Entry? {
        let replaced = byNamespace[key.namespace, default: ObjectIndex.Shelf()].set(key.name, entry)
        // A shelf of one object may be new.
        if replaced == nil, byNamespace[key.namespace]?.byName.count == 1 { namespaces.set(key.namespace) }
        return replaced
    }

    fileprivate mutating func remove(_ key: ObjectKey) -> ObjectIndex.Entry? {
        guard let removed = byNamespace[key.namespace]?.remove(key.name) else { return nil }
        if byNamespace[key.namespace]?.byName.isEmpty == true {
            byNamespace[key.namespace] = nil
            namespaces.remove(key.namespace)
        }
        return removed
    }

    fileprivate func collect(
        _ namespace: String?, after position: ObjectKey?, _ countMax: Int, into found: inout [ObjectIndex.Entry]
    ) {
        func collect(_ namespace: String) {
            if let position, namespace < position.namespace { return }
            let start = namespace == position?.namespace ? position?.name : nil
            byNamespace[namespace]?.inOrder.forEach(after: start) { entry in
                found.append(entry)
                return found.count < countMax
            }
        }
        if let namespace { return collect(namespace) }
        // The position's own namespace may be gone; those behind it are met all the same.
        if let first = position?.namespace { collect(first) }
        if found.count >= countMax { return }
        namespaces.forEach(after: position?.namespace) { namespace in
            collect(namespace)
            return found.count < countMax
        }
    }
}

extension ObjectIndex.Shelf {
    fileprivate mutating func set(_ name: String, _ entry: ObjectIndex.Entry) -> ObjectIndex.Entry? {
        inOrder.set(entry)
        return byName.updateValue(entry, forKey: name)
    }

    fileprivate mutating func remove(_ name: String) -> ObjectIndex.Entry? {
        guard let removed = byName.removeValue(forKey: name) else { return nil }
        inOrder.remove(name)
        return removed
    }
}

extension ObjectIndex.Entry: Named {
    var name: String { object.metadata.name }
}

extension String: Named {
    var name: String { self }
}

/// Something that is ordered by its name.
protocol Named: Sendable {
    /// The name, unique among those that are ordered.
    var name: String { get }
}

/// Elements in the order of their names, in runs of at most 512: no change, and no look from the middle on, costs more
/// than one run and a search among the runs.
struct SortedRuns<Element: Named>: Sendable {
    private var runs: [[Element]] = []

    /// Adds an element, in the place of the one of that name.
    mutating func set(_ element: Element) {
        let name = element.name
        guard let run = run(of: name) else { return runs.append([element]) }
        let place = place(of: name, in: run)
        if place < runs[run].count, runs[run][place].name == name {
            runs[run][place] = element
            return
        }
        runs[run].insert(element, at: place)
        let count = runs[run].count
        guard count > 512 else { return }
        // Names mostly come in order: then the full run stays nearly full.
        let cut = run == runs.count - 1 ? count - 8 : count / 2
        let tail = Array(runs[run][cut...])
        runs[run].removeSubrange(cut...)
        runs.insert(tail, at: run + 1)
    }

    /// Removes an element; nothing where it is not there.
    mutating func remove(_ name: String) {
        guard let run = run(of: name) else { return }
        let place = place(of: name, in: run)
        guard place < runs[run].count, runs[run][place].name == name else { return }
        runs[run].remove(at: place)
        if runs[run].isEmpty { runs.remove(at: run) }
    }

    /// Hands out the elements after the name `start` (nil: all) in order, until `body` says no.
    func forEach(after start: String?, _ body: (Element) -> Bool) {
        var run = 0
        var place = 0
        if let start, let first = self.run(of: start) {
            run = first
            place = self.place(of: start, in: run)
            if place < runs[run].count, runs[run][place].name == start { place += 1 }
        }
        while run < runs.count {
            for element in runs[run][place...] where !body(element) { return }
            run += 1
            place = 0
        }
    }

    /// The last run whose first name is not after `name`, otherwise the first.
    private func run(of name: String) -> Int? {
        guard !runs.isEmpty else { return nil }
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle][0].name <= name { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }

    /// The place in a run that `name` has, or would have.
    private func place(of name: String, in run: Int) -> Int {
        var low = 0
        var high = runs[run].count
        while low < high {
            let middle = (low + high) / 2
            if runs[run][middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
