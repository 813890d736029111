import FoundationEssentials
import Glibc
import SegmentLog
import WeirIO
import WeirRuntime

/// The folder of everything that a node keeps: who owns it, who the node is, and the small files beside its logs.
struct DataDirectory: Sendable {
    let path: String
    private let disk: any Disk
    /// Held open, and locked, until the process ends.
    private let lock: any DiskFile

    /// The node's names, made at the first start and kept.
    struct Identity: Sendable, Hashable {
        var nodeID: Int32
        var clusterID: String
    }

    /// Makes the folder where it is missing, and takes it for this process.
    init(_ path: String, disk: any Disk) throws(UsageError) {
        self.path = path
        self.disk = disk
        do {
            // A name is durable when its folder is: otherwise a power cut could take all of it away.
            try disk.createDirectory("\(path)/topics")
            try disk.syncDirectory(path)
            try disk.syncDirectory(Self.parent(of: path))
            lock = try disk.open("\(path)/lock", .createIfMissing)
        } catch {
            throw UsageError.configuration(
                "cannot use the data folder \(path): \(error.errno == EEXIST ? "it is a file" : error.reason); name a writable one with --data-dir"
            )
        }
        let isFree: Bool
        do {
            isFree = try lock.tryLock()
        } catch {
            throw UsageError.configuration("cannot lock the data folder \(path): \(error.reason)")
        }
        guard isFree else {
            let owner = endpoints().map { "process \($0.pid)" } ?? "another process"
            throw UsageError.configuration(
                "\(owner) uses the data folder \(path); stop it, or name another folder with --data-dir")
        }
    }

    /// Where the logs are.
    var logs: String { "\(path)/topics" }

    /// Reads who this node is, or decides it at the first start.
    func identity(makeClusterID: () -> String) throws(UsageError) -> Identity {
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
            throw UsageError.configuration("cannot keep the node's id in \(file): \(error.reason)")
        }
        guard let known else { return made }
        return try parse(known, file)
    }

    private func parse(_ text: String, _ file: String) throws(UsageError) -> Identity {
        var values: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        guard let node = values["node.id"].flatMap({ Int32($0) }), let cluster = values["cluster.id"] else {
            throw UsageError.configuration("\(file) names no node.id and cluster.id; restore it from a backup")
        }
        return Identity(nodeID: node, clusterID: String(cluster))
    }

    // MARK: Endpoints and reports

    private struct Endpoints: Codable {
        var pid: Int32
        var kafka: String
        var http: String
    }

    /// Says where the node serves; removed at its end.
    func writeEndpoints(pid: Int32, kafka: String, http: String) throws {
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
    func removeEndpoints() {
        try? disk.remove("\(path)/endpoints.json")
    }

    /// Refuses a file that could not be written at the end, because there is no folder for it.
    func checkFolder(of file: String, _ key: String) throws(UsageError) {
        guard let slash = file.lastIndex(of: "/"), slash != file.startIndex else { return }
        let folder = String(file[..<slash])
        let kind = try? disk.kind(of: folder)
        guard kind != .directory else { return }
        throw UsageError.configuration("\(key) is '\(file)', but there is no folder \(folder); make it first")
    }

    /// The report of the last end, and its copy where `copy` names a file.
    func writeExitReport(_ report: ExitReport, copy: String?) throws(DiskError) {
        try write(report.json, to: lastExitFile)
        if let copy { try write(report.json, to: copy) }
    }

    /// What the last end was, for metrics; nil where there was none, or where it cannot be read.
    func lastExit() -> LastExit? {
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

extension DiskError {
    /// Why, in the system's own words: "no such file or directory".
    var reason: String {
        guard errno != 0, let text = strerror(errno) else { return description }
        let words = String(cString: text)
        return words.prefix(1).lowercased() + words.dropFirst()
    }
}

/// Whole small files through the Disk port.
enum TextFile {
    static func read(_ path: String, _ disk: any Disk = SystemDisk()) throws(DiskError) -> String {
        let file = try disk.open(path, .readOnly)
        defer { file.close() }
        let size = Int(try file.size())
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, size), alignment: 1)
        defer { buffer.deallocate() }
        var count = 0
        while count < size {
            let got = try file.read(
                at: Int64(count), into: UnsafeMutableRawBufferPointer(rebasing: buffer[count..<size]))
            if got == 0 { break }
            count += got
        }
        return String(decoding: UnsafeRawBufferPointer(rebasing: buffer[..<count]), as: UTF8.self)
    }

    static func write(_ bytes: ArraySlice<UInt8>, to file: any DiskFile, at offset: Int64) throws(DiskError) -> Int {
        var result: Result<Int, DiskError> = .success(0)
        bytes.withUnsafeBytes { buffer in
            do throws(DiskError) {
                result = .success(try file.write(at: offset, [buffer]))
            } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }
}
