/// The objects of one kind in one namespace: by name, and in the order of the names.
///
/// The order is kept in runs of at most 512 names, so that neither an insertion nor a page of a list costs more than
/// a look at one run and a search among the runs, however many objects there are.
///
/// Owned by a storage, and so guarded by its lock, as its slots are.
final class MemoryShelf {
    /// A place for an object.
    final class Slot {
        @exclusivity(unchecked) var stored: Object

        init(_ stored: Object) { self.stored = stored }
    }

    /// A slot in the order; the name stands here, so that a search looks at no slot.
    private struct Place {
        let name: String
        let slot: Slot
    }

    private static let runCountMax = 512
    let kind: ObjectKind
    let namespace: String
    private var byName: [String: Slot] = [:]
    private var runs: [[Place]] = []

    init(_ kind: ObjectKind, _ namespace: String) {
        self.kind = kind
        self.namespace = namespace
    }

    var isEmpty: Bool { byName.isEmpty }

    /// The place of an object; nil where there is none of that name.
    subscript(name: String) -> Slot? { byName[name] }

    func insert(_ name: String, _ stored: Object) {
        let slot = Slot(stored)
        precondition(byName.updateValue(slot, forKey: name) == nil, "an object is inserted once")
        guard let run = run(of: name) else { return runs.append([Place(name: name, slot: slot)]) }
        runs[run].insert(Place(name: name, slot: slot), at: place(of: name, in: run))
        guard runs[run].count > Self.runCountMax else { return }
        let half = runs[run].count / 2
        // Names mostly come in order: then the full run stays nearly full.
        let cut = run == runs.count - 1 ? runs[run].count - 8 : half
        let tail = Array(runs[run][cut...])
        runs[run].removeSubrange(cut...)
        runs.insert(tail, at: run + 1)
    }

    func remove(_ name: String) {
        guard byName.removeValue(forKey: name) != nil, let run = run(of: name) else { return }
        runs[run].remove(at: place(of: name, in: run))
        if runs[run].isEmpty { runs.remove(at: run) }
    }

    /// Hands out objects in the order of their names, after `name`, until `body` says no.
    ///
    /// - Returns: Whether `body` always said yes.
    func forEach(after name: String?, _ body: (Object) -> Bool) -> Bool {
        var run = 0
        var place = 0
        if let name, let first = self.run(of: name) {
            run = first
            place = self.place(of: name, in: run)
            if place < runs[run].count, runs[run][place].name == name { place += 1 }
        }
        while run < runs.count {
            for place in runs[run][place...] where !body(place.slot.stored) { return false }
            run += 1
            place = 0
        }
        return true
    }

    /// The run that holds `name`, or would.
    private func run(of name: String) -> Int? {
        guard !runs.isEmpty else { return nil }
        var low = 0
        var high = runs.count
        // The last run whose first name is not after it.
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
