import WeirRuntime

// Calls by path.
extension DiskState {
    mutating func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> Int {
        try admit(.open, path)
        let (folder, name) = try place(path, "open")
        let found = names.folders[folder]?[name]
        if let found, names.isFolder(found) { throw Failure.isFolder.error("open", path) }
        let node: Node
        switch (found, mode) {
        case (.some, .createNew): throw Failure.exists.error("open", path)
        case (.some(let existing), _): node = existing
        case (nil, .existing), (nil, .readOnly): throw Failure.notFound.error("open", path)
        case (nil, _):
            node = names.link(name, in: folder, asFolder: false)
            inodes[node] = SimulatedInode()
        }
        inodes[node]!.openCount += 1
        nextHandle += 1
        handles[nextHandle] = node
        return nextHandle
    }

    mutating func createDirectory(_ path: String) throws(DiskError) {
        try admit(.createDirectory, path)
        var node = SimulatedNames.root
        for name in Self.parts(path) {
            if let next = names.folders[node]?[name] {
                guard names.isFolder(next) else { throw Failure.exists.error("createDirectory", path) }
                node = next
            } else {
                node = names.link(name, in: node, asFolder: true)
            }
        }
    }

    func list(_ path: String) throws(DiskError) -> [String] {
        try checkAlive("list", path)
        guard let node = names.find(Self.parts(path)[...]) else { throw Failure.notFound.error("list", path) }
        guard let entries = names.folders[node] else { throw Failure.notFolder.error("list", path) }
        return entries.keys.sorted()
    }

    func kind(of path: String) throws(DiskError) -> FileKind? {
        try checkAlive("stat", path)
        return names.find(Self.parts(path)[...]).map { names.isFolder($0) ? .directory : .file }
    }

    mutating func rename(_ from: String, to: String) throws(DiskError) {
        try admit(.rename, from)
        let (folder, name) = try place(from, "rename")
        let (newFolder, newName) = try place(to, "rename")
        guard let node = names.folders[folder]?[name] else { throw Failure.notFound.error("rename", from) }
        if let replaced = names.folders[newFolder]?[newName] {
            if replaced == node { return }
            switch (names.isFolder(node), names.folders[replaced]) {
            case (true, nil): throw Failure.notFolder.error("rename", to)
            case (false, .some): throw Failure.isFolder.error("rename", to)
            case (true, .some(let entries)):
                guard entries.isEmpty else { throw Failure.notEmpty.error("rename", to) }
            case (false, nil): unlinkInode(replaced)
            }
        }
        names.move(name, in: folder, to: newFolder, as: newName)
    }

    mutating func remove(_ path: String) throws(DiskError) {
        try admit(.remove, path)
        guard let name = Self.parts(path).last, let folder = names.find(Self.parts(path).dropLast()),
            names.folders[folder]?[name] != nil
        else { return }
        removeTree(name, in: folder)
    }

    mutating func syncDirectory(_ path: String) throws(DiskError) {
        try admit(.syncDirectory, path)
        guard let node = names.find(Self.parts(path)[...]) else { throw Failure.notFound.error("syncDirectory", path) }
        guard names.isFolder(node) else { throw Failure.notFolder.error("syncDirectory", path) }
        names.sync(node)
        sweep()
    }

    func bytesAvailable(_ path: String) throws(DiskError) -> Int64 {
        try checkAlive("statvfs", path)
        guard names.find(Self.parts(path)[...]) != nil else { throw Failure.notFound.error("statvfs", path) }
        return max(0, capacityBytes - usedBytes)
    }

    func checkAlive(_ operation: String, _ path: String) throws(DiskError) {
        if isDead { throw Failure.device.error(operation, path) }
    }

    private mutating func removeTree(_ name: String, in folder: Node) {
        guard let node = names.folders[folder]?[name] else { return }
        if let entries = names.folders[node] {
            for child in entries.keys.sorted() { removeTree(child, in: node) }
        } else {
            unlinkInode(node)
        }
        names.unlink(name, in: folder)
    }

    private mutating func unlinkInode(_ node: Node) {
        change(node) { inode, _ in inode.isLinked = false }
    }

    /// The folder that the path's last name is in, and that name.
    private func place(_ path: String, _ operation: String) throws(DiskError) -> (folder: Node, name: String) {
        let parts = Self.parts(path)
        guard let name = parts.last else { throw Failure.isFolder.error(operation, path) }
        guard let folder = names.find(parts.dropLast()) else { throw Failure.notFound.error(operation, path) }
        guard names.isFolder(folder) else { throw Failure.notFolder.error(operation, path) }
        return (folder, name)
    }
}
