/// A resource as an informer keeps it; shared with readers by one reference.
final class CachedResource<R: Resource>: Sendable {
    let key: ObjectKey
    let version: ResourceVersion
    let resource: R

    /// Reads what a store gave.
    ///
    /// - Throws: `ObjectError` where it is not as its type wants it.
    convenience init(_ object: Object) throws {
        self.init(try object.decoded(as: R.self))
    }

    init(_ resource: R) {
        let metadata = resource.metadata
        key = ObjectKey(R.definition.kind, namespace: metadata.namespace, name: metadata.name)
        version = metadata.resourceVersion ?? .zero
        self.resource = resource
    }

    var uid: String { resource.metadata.uid }
}

/// Resources of one kind in the order of namespace and name.
///
/// Kept in runs of at most 512, so that neither an insertion nor a copy that is changed afterwards costs more than one
/// run and the list of runs. Copying it is one reference: readers take a copy and look at it in peace.
struct OrderedResources<R: Resource>: Sendable {
    typealias Element = CachedResource<R>
    private static var runCountMax: Int { 512 }
    /// Each with at least one element.
    private var runs: [[Element]] = []
    private(set) var count = 0

    init() {}

    /// Takes over resources that are in their order.
    init(sorted elements: [Element]) {
        count = elements.count
        // Not quite full, so that the first insertions split nothing.
        let length = Self.runCountMax * 3 / 4
        runs = stride(from: 0, to: elements.count, by: length).map {
            Array(elements[$0..<min($0 + length, elements.count)])
        }
    }

    var isEmpty: Bool { runs.isEmpty }

    /// All of them, in their order.
    var elements: some Sequence<Element> & Sendable { runs.lazy.joined() }

    subscript(namespace: String, name: String) -> Element? {
        guard let place = place(of: namespace, name), place.isThere else { return nil }
        return runs[place.run][place.index]
    }

    /// Those of one namespace, in the order of their names.
    func elements(in namespace: String) -> [Element] {
        guard var place = place(of: namespace, "") else { return [] }
        var found: [Element] = []
        while place.run < runs.count {
            for element in runs[place.run][place.index...] {
                guard element.key.namespace == namespace else { return found }
                found.append(element)
            }
            place = Place(run: place.run + 1, index: 0, isThere: false)
        }
        return found
    }

    /// Puts a resource in its place.
    ///
    /// - Returns: What was there.
    @discardableResult
    mutating func put(_ element: Element) -> Element? {
        guard let place = place(of: element.key.namespace, element.key.name) else {
            runs.append([element])
            count += 1
            return nil
        }
        if place.isThere {
            let old = runs[place.run][place.index]
            runs[place.run][place.index] = element
            return old
        }
        runs[place.run].insert(element, at: place.index)
        count += 1
        if runs[place.run].count > Self.runCountMax { split(place.run) }
        return nil
    }

    /// Takes a resource out.
    ///
    /// - Returns: What was there.
    @discardableResult
    mutating func remove(_ key: ObjectKey) -> Element? {
        guard let place = place(of: key.namespace, key.name), place.isThere else { return nil }
        let old = runs[place.run].remove(at: place.index)
        if runs[place.run].isEmpty { runs.remove(at: place.run) }
        count -= 1
        return old
    }

    private mutating func split(_ run: Int) {
        // Names mostly come in order: then the full run stays nearly full.
        let cut = run == runs.count - 1 ? runs[run].count - 8 : runs[run].count / 2
        let tail = Array(runs[run][cut...])
        runs[run].removeSubrange(cut...)
        runs.insert(tail, at: run + 1)
    }

    private struct Place {
        var run: Int
        var index: Int
        var isThere: Bool
    }

    /// Where the name is, or would be inserted; nil where nothing is.
    private func place(of namespace: String, _ name: String) -> Place? {
        guard !runs.isEmpty else { return nil }
        // The last run that does not begin after the name.
        let run = max(0, Self.firstIndex(in: 0..<runs.count) { Self.isAfter(runs[$0][0], namespace, name) } - 1)
        let index = Self.firstIndex(in: 0..<runs[run].count) { !Self.isBefore(runs[run][$0], namespace, name) }
        let isThere = index < runs[run].count && !Self.isAfter(runs[run][index], namespace, name)
        return Place(run: run, index: index, isThere: isThere)
    }

    /// The first index from which on the condition holds; it holds for all after one for which it does.
    private static func firstIndex(in range: Range<Int>, where condition: (Int) -> Bool) -> Int {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high {
            let middle = (low + high) / 2
            if condition(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private static func isBefore(_ element: Element, _ namespace: String, _ name: String) -> Bool {
        if element.key.namespace != namespace { return element.key.namespace < namespace }
        return element.key.name < name
    }

    private static func isAfter(_ element: Element, _ namespace: String, _ name: String) -> Bool {
        if element.key.namespace != namespace { return namespace < element.key.namespace }
        return name < element.key.name
    }
}
