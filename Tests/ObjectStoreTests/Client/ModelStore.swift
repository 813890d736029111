import WeirSimulation

@testable import ObjectStore

/// A store as a list of changes: what an informer is checked against. A value, without tasks or time.
struct ModelStore {
    private struct Change {
        let previous: Object?
        let object: Object?
        let version: ResourceVersion
    }

    private(set) var objects: [ObjectKey: Object] = [:]
    private(set) var version = ResourceVersion.zero
    /// Changes up to here are forgotten.
    private(set) var oldest = ResourceVersion.zero
    private var changes: [Change] = []

    /// Puts the object there, as a new one where there is none of its name.
    mutating func put(_ gadget: Gadget) throws {
        var object = try Object(gadget)
        let previous = objects[object.key]
        version = ResourceVersion(version.value + 1)
        object.metadata.resourceVersion = version
        object.metadata.uid = previous?.metadata.uid ?? "uid-\(version)"
        objects[object.key] = object
        changes.append(Change(previous: previous, object: object, version: version))
    }

    mutating func remove(_ key: ObjectKey) {
        guard let previous = objects.removeValue(forKey: key) else { return }
        version = ResourceVersion(version.value + 1)
        changes.append(Change(previous: previous, object: nil, version: version))
    }

    /// Forgets the changes up to now.
    mutating func forget() {
        oldest = version
        changes = []
    }

    func selected(_ selection: ObjectSelection) -> [Object] {
        objects.values.filter { selection.matches($0) }.sorted { $0.key < $1.key }
    }

    /// A page as a store gives it: of this moment, with the version of the first one.
    func page(_ selection: ObjectSelection, after token: String?, limit: Int) -> ObjectPage {
        let parts = token?.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        let rest = selected(selection).filter { object in
            guard let parts else { return true }
            return (object.metadata.namespace, object.metadata.name) > (parts[1], parts[2])
        }
        let start = parts.map { ResourceVersion($0[0])! } ?? version
        var page = ObjectPage(objects: Array(rest.prefix(limit)), resourceVersion: start)
        if rest.count > limit, let last = page.objects.last?.metadata {
            page.continueToken = "\(start)|\(last.namespace)|\(last.name)"
        }
        return page
    }

    /// What a watch tells after a version, in order; nil where that is forgotten.
    func events(_ selection: ObjectSelection, after version: ResourceVersion) -> [WatchEvent]? {
        guard version >= oldest else { return nil }
        return changes.filter { $0.version > version }.compactMap { change in
            let was = change.previous.map(selection.matches) ?? false
            let isIn = change.object.map(selection.matches) ?? false
            switch (was, isIn) {
            case (false, true): return WatchEvent(.added, change.object, at: change.version)
            case (true, true): return WatchEvent(.modified, change.object, at: change.version)
            case (true, false): return WatchEvent(.deleted, change.previous, at: change.version)
            case (false, false): return nil
            }
        }
    }

    /// One change that somebody might make, among few names so that much happens to each.
    mutating func changeSomething(_ random: inout SeededRandom) throws {
        let name = "w\(Int.random(in: 0..<12, using: &random))"
        let namespace = ["a", "b"].randomElement(using: &random)!
        let key = ObjectKey(Gadget.definition.kind, namespace: namespace, name: name)
        if random.chance(0.35) {
            remove(key)
            // At once made again: the same name, and another object.
            guard random.chance(0.3) else { return }
        }
        let labels = ["team": ["red", "green", "blue"].randomElement(using: &random)!]
        try put(Gadget(name, in: namespace, size: Int.random(in: 0..<100, using: &random), labels: labels))
    }
}
