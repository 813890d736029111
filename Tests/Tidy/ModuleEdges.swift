import Foundation
import Testing

/// Which module may import which. Think hard before changing this list, and write a decision record
/// (docs/decisions): the arrows point one way, and plugins meet only in contracts.
let allowedEdges: [String: Set<String>] = [
    "WorkTracking": [],
    "WeirRuntime": ["WorkTracking"],
    "WeirIO": ["WeirRuntime", "CSystemIO"],
    "WeirSimulation": ["WeirRuntime"],
    "RecordBatch": ["CChecksum", "CZlib", "CLZ4", "CZstd", "CSnappy"],
    "SegmentLog": ["RecordBatch", "WeirRuntime", "CChecksum"],
    "Raft": [],
    "KafkaWire": ["RecordBatch"],
    "Coordinators": ["KafkaWire", "WeirRuntime"],
    "KafkaClient": ["KafkaWire", "RecordBatch"],
    "ObjectStore": ["WeirRuntime", "WorkTracking"],
    "SQLiteStorage": ["ObjectStore", "WeirRuntime"],
    "ObjectLog": ["ObjectStore", "SegmentLog", "RecordBatch", "WeirRuntime"],
    "Reconciling": ["ObjectStore", "WeirRuntime", "WorkTracking"],
    "WeirPluginABI": [],
    "TopicAuditPlugin": ["WeirPlugin"],
    "WeirPlugin": ["WeirPluginABI"],
    "PluginHost": ["WeirPluginABI", "ObjectStore", "Reconciling", "WeirRuntime", "WorkTracking"],
    "StorageConformance": ["ObjectStore", "WeirSimulation", "WeirRuntime"],
    "Kafka": [
        "Coordinators", "KafkaWire", "RecordBatch", "SegmentLog", "ObjectStore", "Reconciling", "WeirRuntime",
        "WorkTracking",
    ],
    "AdminHTTP": ["ObjectStore", "WeirRuntime", "WorkTracking"],
    "EmbeddedNode": [
        "AdminHTTP", "Kafka", "ObjectLog", "ObjectStore", "SegmentLog", "WeirIO", "WeirRuntime", "WorkTracking",
    ],
    "WeirCommand": [
        "WorkTracking", "WeirRuntime", "WeirIO", "RecordBatch", "SegmentLog", "Raft", "KafkaWire", "KafkaClient",
        "Kafka", "AdminHTTP", "EmbeddedNode", "ObjectStore", "Reconciling", "PluginHost",
    ],
    "weir-kafka-messages": [],
    "weir-raft-cases": ["Raft", "WeirSimulation"],
    "RaftSimulation": ["Raft", "WeirRuntime", "WeirSimulation"],
    "weir-simulate": ["RaftSimulation"],
    "raft-benchmark": ["Raft", "WeirSimulation"],
    "weir-storage-writer": ["SQLiteStorage", "ObjectStore", "WeirIO", "WeirRuntime", "WeirSimulation"],
    "sqlite-benchmark": ["SQLiteStorage", "ObjectStore", "WeirIO", "WeirRuntime"],
    "object-log-benchmark": ["ObjectLog", "ObjectStore", "SegmentLog", "WeirIO", "WeirRuntime"],
    "object-benchmark": ["ObjectStore", "WeirRuntime"],
    "tracking-benchmark": ["ObjectStore", "WorkTracking"],
    "reconcile-benchmark": ["Reconciling", "ObjectStore", "WeirRuntime"],
    "EmbeddedRuntime": ["WeirRuntime", "WorkTracking"],
    "CustomReconciler": ["EmbeddedNode", "Kafka", "ObjectStore", "Reconciling", "RecordBatch", "WeirRuntime"],
    "web-backend": ["WeirRuntime", "WeirIO", "WorkTracking", "ObjectStore", "SQLiteStorage", "CHiredis"],
    "WebBackend": ["WeirRuntime", "WeirIO", "WorkTracking", "ObjectStore", "SQLiteStorage", "CHiredis"],
    "MirrorPlugin": ["WeirPluginABI"],
    "EmbeddedCLI": ["ObjectStore", "SQLiteStorage", "WeirRuntime", "WorkTracking"],
    "gate-benchmark": ["WorkTracking"],
    "cleaner-benchmark": ["SegmentLog", "RecordBatch", "WeirIO", "WeirRuntime"],
    "start-benchmark": ["ObjectStore", "SQLiteStorage", "WeirRuntime"],
]

/// Packages of others, and the modules that may import them.
let allowedForeign: [String: Set<String>] = [
    "NIOCore": [
        "WeirIO", "RecordBatch", "SegmentLog", "ObjectLog", "KafkaWire", "Coordinators", "KafkaClient", "Kafka",
        "AdminHTTP", "EmbeddedNode", "WeirCommand", "WebBackend", "CustomReconciler",
    ],
    "NIOPosix": ["WeirIO", "KafkaClient", "Kafka", "WeirCommand", "WebBackend"],
    "ServiceLifecycle": ["WeirRuntime", "EmbeddedRuntime"],
    "UnixSignals": ["WeirRuntime"],
    "Logging": [
        "WeirRuntime", "SegmentLog", "ObjectStore", "Reconciling", "PluginHost", "Kafka", "KafkaClient", "AdminHTTP",
        "EmbeddedNode", "WeirCommand", "EmbeddedRuntime", "WebBackend", "EmbeddedCLI", "CustomReconciler",
        "StorageConformance",
    ],
    "GRDB": ["SQLiteStorage"],
    "Hummingbird": ["AdminHTTP", "WebBackend"],
    "HummingbirdCore": ["AdminHTTP", "WebBackend"],
    "HTTPTypes": ["AdminHTTP", "WebBackend"],
    "AsyncHTTPClient": ["WeirCommand", "WebBackend"],
    "NIOHTTP1": ["WeirCommand", "WebBackend"],
    "NIOHTTPTypes": ["WebBackend"],
    "NIOHTTPTypesHTTP1": ["WebBackend"],
    "NIOWebSocket": ["WebBackend"],
    "ArgumentParser": ["WeirCommand", "weir-kafka-messages", "weir-raft-cases", "weir-simulate", "EmbeddedCLI"],
    "TOMLKit": ["WeirCommand"],
    "Yams": ["WeirCommand"],
    "Foundation": ["WebBackend", "WeirCommand", "weir-kafka-messages", "weir-simulate"],
    "FoundationEssentials": [
        "WebBackend", "WeirPlugin", "Kafka", "AdminHTTP", "EmbeddedNode", "WeirCommand", "weir-kafka-messages",
        "weir-raft-cases",
    ],
]

/// What comes with the toolchain and belongs to nobody.
let toolchain: Set<String> = ["Synchronization", "Glibc", "Musl", "Darwin", "Dispatch"]

@Suite("The arrows between modules")
struct ModuleEdgesTests {
    private struct Package: Decodable {
        struct Target: Decodable {
            var name: String
            var type: String
            var path: String?
            var dependencies: [Dependency]
        }
        struct Dependency: Decodable {
            var name: String?

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: AnyKey.self)
                for key in container.allKeys where key.stringValue != "product" {
                    var values = try container.nestedUnkeyedContainer(forKey: key)
                    name = try values.decode(String.self)
                }
            }
        }
        struct AnyKey: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }
        var targets: [Target]
    }

    /// `.build/package.json`, which the Makefile writes: `swift package` inside `swift test` waits for ever.
    private func targets() throws -> [Package.Target]? {
        let file = Tree.current.root.appendingPathComponent(".build/package.json")
        guard let bytes = try? Data(contentsOf: file) else { return nil }
        return try JSONDecoder().decode(Package.self, from: bytes).targets
            .filter { $0.type == "regular" || $0.type == "executable" }
    }

    @Test("the package declares only allowed edges")
    func declaredEdges() throws {
        guard let targets = try targets() else {
            print("tidy: .build/package.json is not there; `make unit` writes it. Declared edges are not checked.")
            return
        }
        var findings: [String] = []
        for target in targets where target.name.first != "C" {
            guard let allowed = allowedEdges[target.name] else {
                findings.append("Package.swift: \(target.name): add it to allowedEdges in Tests/Tidy/ModuleEdges.swift")
                continue
            }
            let ours = target.dependencies.compactMap(\.name).filter { allowedEdges[$0] != nil || $0.first == "C" }
            for edge in ours where !allowed.contains(edge) {
                findings.append("Package.swift: \(target.name) → \(edge): not an allowed edge; meet in a contract")
            }
        }
        report(findings)
    }

    @Test("each file imports only what its module may")
    func imports() {
        var findings: [String] = []
        for file in Tree.current.files where file.isSwift && !file.path.hasPrefix("Tests/") {
            guard file.path != "Package.swift" else { continue }
            let module = String(file.room.split(separator: "/").last ?? "")
            for (number, line) in file.lines.enumerated() {
                guard let imported = importedModule(line), !toolchain.contains(imported) else { continue }
                let isOurs =
                    allowedEdges[imported] != nil
                    || imported.first == "C" && imported.dropFirst().first?.isUppercase == true
                let isAllowed =
                    isOurs
                    ? allowedEdges[module]?.contains(imported) ?? false
                    : isForeignAllowed(imported, in: module)
                if !isAllowed {
                    findings.append("\(file.path):\(number + 1): import: \(module) must not import \(imported)")
                }
            }
        }
        report(findings)
    }

    private func isForeignAllowed(_ imported: String, in module: String) -> Bool {
        allowedForeign[imported]?.contains(module) ?? false
    }

    private func importedModule(_ line: Substring) -> String? {
        var words = line.split(separator: " ")
        while let first = words.first, ["public", "package", "internal", "private", "@testable"].contains(first) {
            words.removeFirst()
        }
        guard words.count >= 2, words[0] == "import" else { return nil }
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "typealias"]
        let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
        return String(name.split(separator: ".")[0])
    }
}
