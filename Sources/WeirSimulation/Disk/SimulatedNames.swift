/// The folders of a disk: as programs see them, and as a power cut would leave them.
///
/// A change of names becomes durable with its folder. Until then a power cut may lose it, and with it all
/// later changes in the same folders: the order within a folder is kept, as by a journal; folders do
/// not wait for each other, which POSIX allows.
struct SimulatedNames {
    typealias Node = Int

    /// One change of names, kept or lost as a whole.
    private enum Change {
        case link(folder: Node, name: String, node: Node, isFolder: Bool)
        case unlink(folder: Node, name: String)
        case move(from: Node, name: String, to: Node, newName: String)

        var folders: [Node] {
            switch self {
            case .link(let folder, _, _, _), .unlink(let folder, _): [folder]
            case .move(let from, _, let to, _): [from, to]
            }
        }
    }

    static let root: Node = 0
    private(set) var folders: [Node: [String: Node]] = [root: [:]]
    private var durable: [Node: [String: Node]] = [root: [:]]
    private var pending: [Change] = []
    private var nextNode = 1

    func isFolder(_ node: Node) -> Bool { folders[node] != nil }

    func find(_ path: ArraySlice<String>) -> Node? {
        var node = Self.root
        for name in path {
            guard let next = folders[node]?[name] else { return nil }
            node = next
        }
        return node
    }

    mutating func link(_ name: String, in folder: Node, asFolder: Bool) -> Node {
        let node = nextNode
        nextNode += 1
        record(.link(folder: folder, name: name, node: node, isFolder: asFolder))
        return node
    }

    mutating func unlink(_ name: String, in folder: Node) {
        record(.unlink(folder: folder, name: name))
    }

    mutating func move(_ name: String, in folder: Node, to newFolder: Node, as newName: String) {
        record(.move(from: folder, name: name, to: newFolder, newName: newName))
    }

    /// Makes the changes of one folder durable, and those that they follow from.
    mutating func sync(_ folder: Node) {
        var wanted: Set<Node> = [folder]
        var isKept = Array(repeating: false, count: pending.count)
        for index in pending.indices.reversed() where pending[index].folders.contains(where: wanted.contains) {
            wanted.formUnion(pending[index].folders)
            isKept[index] = true
        }
        for index in pending.indices where isKept[index] { Self.apply(pending[index], to: &durable) }
        pending = pending.indices.filter { !isKept[$0] }.map { pending[$0] }
    }

    /// The names as they are found after the power was cut.
    func afterPowerCut(_ share: Double, _ random: inout SeededRandom) -> SimulatedNames {
        var found = self
        found.pending = []
        var lost: Set<Node> = []
        for change in pending {
            if change.folders.contains(where: lost.contains) || !random.chance(share) {
                lost.formUnion(change.folders)
            } else {
                Self.apply(change, to: &found.durable)
            }
        }
        found.folders = found.durable
        return found
    }

    /// Every node that a name leads to now.
    func linked() -> Set<Node> {
        var nodes: Set<Node> = []
        var rest = [Self.root]
        while let folder = rest.popLast() {
            for node in (folders[folder] ?? [:]).values {
                nodes.insert(node)
                if isFolder(node) { rest.append(node) }
            }
        }
        return nodes
    }

    /// Every node that a name leads to, now or after a power cut.
    func reachable() -> Set<Node> {
        var nodes: Set<Node> = []
        for tree in [folders, durable] {
            for names in tree.values { nodes.formUnion(names.values) }
        }
        for case .link(_, _, let node, _) in pending { nodes.insert(node) }
        return nodes
    }

    private mutating func record(_ change: Change) {
        Self.apply(change, to: &folders)
        pending.append(change)
    }

    private static func apply(_ change: Change, to tree: inout [Node: [String: Node]]) {
        switch change {
        case .link(let folder, let name, let node, let isFolder):
            tree[folder, default: [:]][name] = node
            if isFolder, tree[node] == nil { tree[node] = [:] }
        case .unlink(let folder, let name):
            tree[folder]?[name] = nil
        case .move(let from, let name, let to, let newName):
            guard let node = tree[from]?.removeValue(forKey: name) else { return }
            tree[to, default: [:]][newName] = node
        }
    }
}
