import FoundationEssentials
import Glibc
package import WeirRuntime

/// The folder of everything that a node keeps: who owns it, who the node is, and the small files beside its logs.
package struct DataDirectory: Sendable {
    package let path: String
    private let disk: any Disk
    /// Held open, and locked, until the process ends.
    private let lock: any DiskFile

    /// The node's names, made at the first start and kept.
    package struct Identity: Sendable, Hashable {
        package var nodeID: Int32
        package var clusterID: String

        package init(nodeID: Int32, clusterID: String) {
            self.nodeID = nodeID
            self.clusterID = clusterID
        }
    }

    /// Makes the folder where it is missing, and takes it for this process.
    package init(_ path: String, disk: any Disk) throws(NodeError) {
        self.path = path
        self.disk = disk
        do {
            // A name is durable when its folder is: otherwise a power cut could take all of it away.
            try disk.createDirectory("\(path)/topics")
            try disk.syncDirectory(path)
            try disk.syncDirectory(Self.parent(of: path))
            lock = try disk.open("\(path)/lock", .createIfMissing)
        } catch {
            let why = error.errno == EEXIST ? "it is a file" : error.reason
            throw NodeError(.dataFolder, "cannot use the data folder \(path): \(why); name a writable one")
        }
        let isFree: Bool
        do {
            isFree = try lock.tryLock()
        } catch {
            throw NodeError(.configuration, "cannot lock the data folder \(path): \(error.reason)")
        }
        guard isFree else {
            let owner = endpoints().map { "process \($0.pid)" } ?? "another process"
            throw NodeError(.dataFolder, "\(owner) uses the data folder \(path); stop it, or name another folder")
        }
    }

    /// Where the logs are.
    package var logs: String { "\(path)/topics" }

    /// Reads who this node is, or decides it at the first start.
    package func identity(makeClusterID: () -> String) throws(NodeError) -> Identity {
        let file = "\(path)/meta.properties"
        let made = Identity(nodeID: 1, clusterID: makeClusterID())
        let known: String?
        do throws(DiskError) {
            known = try text(of: file)
            if known == nil {
                try write("version=1\nnode.id=\(made.nodeID)\ncluster.id=\(made.clusterID)\n", to: file)
                try disk.syncDirectory(path)
            }
        } catch {
            throw NodeError(.configuration, "cannot keep the node's id in \(file): \(error.reason)")
        }
        guard let known else { return made }
        return try parse(known, file)
    }

    private func parse(_ text: String, _ file: String) throws(NodeError) -> Identity {
        var values: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        guard let node = values["node.id"].flatMap({ Int32($0) }), let cluster = values["cluster.id"] else {
            throw NodeError(.configuration, "\(file) names no node.id and cluster.id; restore it from a backup")
        }
        return Identity(nodeID: node, clusterID: String(cluster))
    }

    // MARK: Endpoints and reports

    private struct Endpoints: Codable {
        var pid: Int32
        var kafka: String
        var http: String?
    }

    /// Says where the node serves; removed at its end.
    package func writeEndpoints(pid: Int32, kafka: String, http: String?) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = try encoder.encode(Endpoints(pid: pid, kafka: kafka, http: http))
        try write(String(decoding: json, as: UTF8.self) + "\n", to: "\(path)/endpoints.json")
    }

    /// Where the node that owns the folder serves; nil where it does not yet.
    private func endpoints() -> Endpoints? {
        guard let text = try? text(of: "\(path)/endpoints.json") else { return nil }
        return try? JSONDecoder().decode(Endpoints.self, from: Data(text.utf8))
    }

    /// The node serves no more.
    package func removeEndpoints() {
        try? disk.remove("\(path)/endpoints.json")
    }

    /// Refuses a file that could not be written at the end, because there is no folder for it.
    package func checkFolder(of file: String, _ key: String) throws(NodeError) {
        guard let slash = file.lastIndex(of: "/"), slash != file.startIndex else { return }
        let folder = String(file[..<slash])
        let kind = try? disk.kind(of: folder)
        guard kind != .directory else { return }
        throw NodeError(.configuration, "\(key) is '\(file)', but there is no folder \(folder); make it first")
    }

    /// The report of the last end, and its copy where `copy` names a file.
    package func writeExitReport(_ report: ExitReport, copy: String?) throws(DiskError) {
        try write(report.json, to: lastExitFile)
        if let copy { try write(report.json, to: copy) }
    }

    /// What the last end was, for metrics; nil where there was none, or where it cannot be read.
    package func lastExit() -> LastExit? {
        guard let text = try? text(of: lastExitFile),
            let report = try? JSONDecoder().decode(LastReport.self, from: Data(text.utf8))
        else { return nil }
        return LastExit(
            duration: .milliseconds(report.durationMs), exitCode: report.exitCode, verdict: report.verdict)
    }

    /// What the next start needs of an exit report.
    private struct LastReport: Decodable {
        var verdict: String
        var exitCode: Int32
        var durationMs: Int64
    }

    private var lastExitFile: String { "\(path)/last-exit.json" }

    // MARK: Small files

    private func text(of file: String) throws(DiskError) -> String? {
        guard try disk.kind(of: file) == .file else { return nil }
        return try TextFile.read(file, disk)
    }

    /// Writes beside the file and renames, so that a reader never sees half of it.
    private func write(_ text: String, to file: String) throws(DiskError) {
        let beside = "\(file).new"
        try disk.remove(beside)
        let handle = try disk.open(beside, .createNew)
        defer { handle.close() }
        var bytes = Array(text.utf8)[...]
        var offset: Int64 = 0
        while !bytes.isEmpty {
            let count = try TextFile.write(bytes, to: handle, at: offset)
            bytes = bytes.dropFirst(count)
            offset += Int64(count)
        }
        try handle.sync()
        try disk.rename(beside, to: file)
    }

    /// The folder that holds `path`.
    private static func parent(of path: String) -> String {
        let trimmed = path.hasSuffix("/") ? path.dropLast() : path[...]
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
    }
}
