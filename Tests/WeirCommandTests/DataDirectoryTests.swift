import EmbeddedNode
import Foundation
import Testing
import WeirIO
import WeirRuntime

@Suite("The data folder")
struct DataDirectoryTests {
    /// Runs `body` with a fresh folder's path, and removes it.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "weir-data-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func content(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("is made with the folders above it")
    func made() throws {
        try withFolder { folder in
            _ = try DataDirectory("\(folder)/a/b/c", disk: SystemDisk())
            #expect(FileManager.default.fileExists(atPath: "\(folder)/a/b/c/lock"))
        }
    }

    @Test("who the node is is decided once, and kept")
    func identity() throws {
        try withFolder { folder in
            let disk = SystemDisk()
            var made = 0
            for _ in 0..<3 {
                let directory = try DataDirectory(folder, disk: disk)
                let identity = try directory.identity {
                    made += 1
                    return "cluster-\(made)"
                }
                #expect(identity == DataDirectory.Identity(nodeID: 1, clusterID: "cluster-1"))
            }
            #expect(content("\(folder)/meta.properties") == "version=1\nnode.id=1\ncluster.id=cluster-1\n")
        }
    }

    @Test("an identity in Kafka's own file form is read", arguments: ["#c\nbroker.id=0\nnode.id=7\ncluster.id=a=b\n"])
    func foreignIdentity(_ text: String) throws {
        try withFolder { folder in
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/meta.properties"))
            let identity = try DataDirectory(folder, disk: SystemDisk()).identity { "new" }
            #expect(identity == DataDirectory.Identity(nodeID: 7, clusterID: "a=b"))
        }
    }

    @Test(
        "a damaged identity is refused, never made anew",
        arguments: ["", "x", "node.id=1\n", "node.id=x\ncluster.id=y\n"])
    func damagedIdentity(_ text: String) throws {
        try withFolder { folder in
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/meta.properties"))
            let directory = try DataDirectory(folder, disk: SystemDisk())
            let error = #expect(throws: NodeError.self) { try directory.identity { "new" } }
            #expect(error?.description.contains("meta.properties names no node.id and cluster.id") == true)
            #expect(content("\(folder)/meta.properties") == text)
        }
    }

    @Test("a second owner is refused, with the first one's process id where it is known; a third comes after it")
    func secondOwner() throws {
        try withFolder { folder in
            do {
                let first = try DataDirectory(folder, disk: SystemDisk())
                let early = #expect(throws: NodeError.self) { try DataDirectory(folder, disk: SystemDisk()) }
                #expect(early?.description.hasPrefix("another process uses the data folder \(folder)") == true)
                try first.writeEndpoints(pid: 4711, kafka: "h:1", http: "h:2")
                let late = #expect(throws: NodeError.self) { try DataDirectory(folder, disk: SystemDisk()) }
                #expect(late?.description.hasPrefix("process 4711 uses the data folder \(folder)") == true)
                #expect(late?.code == .dataFolder)
                withExtendedLifetime(first) {}
            }
            _ = try DataDirectory(folder, disk: SystemDisk())
        }
    }

    @Test("what is no folder is refused with the reason and what to do")
    func notAFolder() throws {
        try withFolder { folder in
            try Data().write(to: URL(fileURLWithPath: "\(folder)/file"))
            for path in ["\(folder)/file", "\(folder)/file/below", "/proc/weir"] {
                let error = #expect(throws: NodeError.self) { try DataDirectory(path, disk: SystemDisk()) }
                #expect(error?.code == .dataFolder)
                #expect(error?.description.hasPrefix("cannot use the data folder \(path): ") == true)
                #expect(error?.description.hasSuffix("name a writable one") == true)
            }
        }
    }

    @Test("a folder that may not be written is refused", .enabled(if: getuid() != 0, "root may write everywhere"))
    func unwritable() throws {
        try withFolder { folder in
            try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder)
            for path in [folder, "\(folder)/below"] {
                let error = #expect(throws: NodeError.self) { try DataDirectory(path, disk: SystemDisk()) }
                #expect(error?.description.contains("permission denied") == true)
            }
        }
    }

    @Test("endpoints are there while the node serves")
    func endpoints() throws {
        try withFolder { folder in
            let directory = try DataDirectory(folder, disk: SystemDisk())
            try directory.writeEndpoints(pid: 5, kafka: "h:1", http: "[::1]:2")
            #expect(content("\(folder)/endpoints.json") == "{\"http\":\"[::1]:2\",\"kafka\":\"h:1\",\"pid\":5}\n")
            directory.removeEndpoints()
            directory.removeEndpoints()
            #expect(content("\(folder)/endpoints.json") == nil)
        }
    }

    @Test("a report replaces the one before as a whole, also after a crash in the middle of writing one")
    func report() async throws {
        let runtime = Runtime(silent())
        try await runtime.start()
        let report = await runtime.shutdown()
        try withFolder { folder in
            let directory = try DataDirectory(folder, disk: SystemDisk())
            #expect(directory.lastExit() == nil)
            try Data("half of".utf8).write(to: URL(fileURLWithPath: "\(folder)/last-exit.json.new"))
            try Data("old".utf8).write(to: URL(fileURLWithPath: "\(folder)/copy.json"))
            #expect(directory.lastExit() == nil)
            for _ in 0..<2 { try directory.writeExitReport(report, copy: "\(folder)/copy.json") }
            #expect(content("\(folder)/last-exit.json") == report.json)
            #expect(content("\(folder)/copy.json") == report.json)
            #expect(content("\(folder)/last-exit.json.new") == nil)
            #expect(directory.lastExit() != nil)
        }
    }

    @Test("a report that nobody could write at the end is refused at the start")
    func reportFolder() throws {
        try withFolder { folder in
            let directory = try DataDirectory(folder, disk: SystemDisk())
            try directory.checkFolder(of: "\(folder)/r.json", "exit-report")
            try directory.checkFolder(of: "r.json", "exit-report")
            let error = #expect(throws: NodeError.self) {
                try directory.checkFolder(of: "\(folder)/no/r.json", "exit-report")
            }
            #expect(error?.description.contains("there is no folder \(folder)/no; make it first") == true)
        }
    }

    private func silent() -> RuntimeConfiguration {
        var configuration = RuntimeConfiguration()
        configuration.signals = nil
        // A starved machine must not end the tests.
        configuration.endProcess = { _ in }
        return configuration
    }
}
