/// Who calls whom, and the order that follows from it.
struct DependencyGraph {
    /// A component's name and those that it calls.
    private let edges: [String: [String]]

    /// A graph, not yet checked.
    init(_ edges: [String: [String]]) {
        self.edges = edges
    }

    /// Levels from callers to callees: nothing in a level is called by anything in the same or a later one.
    ///
    /// Names inside a level are sorted. Dependencies that are not in the graph count as gone. O(V log V + E).
    ///
    /// - Precondition: There is no cycle.
    func levels() -> [[String]] {
        var callers: [String: Int] = [:]
        for name in edges.keys { callers[name, default: 0] += 0 }
        for called in edges.values.joined() where edges[called] != nil { callers[called, default: 0] += 1 }
        var level = callers.filter { $0.value == 0 }.map(\.key)
        var levels: [[String]] = []
        var placed = 0
        while !level.isEmpty {
            levels.append(level.sorted())
            placed += level.count
            var next: [String] = []
            for called in level.lazy.flatMap({ edges[$0] ?? [] }) {
                guard let left = callers[called] else { continue }
                callers[called] = left - 1
                if left == 1 { next.append(called) }
            }
            level = next
        }
        precondition(placed == edges.count, "the graph was checked for cycles when it was registered")
        return levels
    }

    /// Throws where a dependency is missing, or where components call each other in a circle.
    func validate() throws(RuntimeError) {
        for (name, called) in edges.sorted(by: { $0.key < $1.key }) {
            for dependency in called where edges[dependency] == nil {
                throw RuntimeError(
                    .unknownDependency,
                    "\(name) depends on \(dependency), which is not registered; register it or drop the dependency")
            }
        }
        if let path = cycle() {
            throw RuntimeError(
                .dependencyCycle, "components depend on each other in a circle: \(path.joined(separator: " -> "))")
        }
    }

    /// A cycle as a path that begins and ends with the same name; nil where there is none.
    ///
    /// Depth-first and iterative, so that a long chain does not overflow the stack.
    func cycle() -> [String]? {
        var done: Set<String> = []
        for root in edges.keys.sorted() where !done.contains(root) {
            var path = [root]
            var onPath: Set<String> = [root]
            var next: [Int] = [0]
            while let name = path.last {
                let called = edges[name] ?? []
                let position = next[next.count - 1]
                guard position < called.count else {
                    done.insert(name)
                    onPath.remove(name)
                    path.removeLast()
                    next.removeLast()
                    continue
                }
                next[next.count - 1] += 1
                let callee = called[position]
                if onPath.contains(callee), let start = path.firstIndex(of: callee) {
                    return Array(path[start...]) + [callee]
                }
                guard !done.contains(callee), edges[callee] != nil else { continue }
                path.append(callee)
                onPath.insert(callee)
                next.append(0)
            }
        }
        return nil
    }
}
