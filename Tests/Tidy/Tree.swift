import Foundation
import Testing

/// The checkout, as the tidy tests read it.
struct Tree {
    /// One text file.
    struct File {
        /// The path from the top of the checkout.
        var path: String
        var lines: [Substring]

        var isSwift: Bool { path.hasSuffix(".swift") }
        var isGenerated: Bool { path.contains("/Generated/") }
        /// `Sources/WeirIO`, `Plugins/Kafka`, `Sources/Tools/weir-kafka-messages`, …
        var room: String {
            let parts = path.split(separator: "/")
            let depth = path.hasPrefix("Sources/Tools/") || path.hasPrefix("Sources/System/") ? 3 : 2
            return parts.prefix(min(depth, parts.count - 1)).joined(separator: "/")
        }
    }

    let root: URL
    let files: [File]

    /// Reads every text file that belongs to the project.
    static let current = Tree()

    private init() {
        root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let skipped: Set<String> = [".git", ".build", ".swiftpm", "weir-data"]
        var files: [File] = []
        var pending = [""]
        while let folder = pending.popLast() {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path + "/" + folder)) ?? []
            for name in names.sorted() where !skipped.contains(name) && !name.hasPrefix(".build") {
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: root.path + "/" + path, isDirectory: &isFolder) else {
                    continue
                }
                if isFolder.boolValue {
                    pending.append(path)
                } else if let text = try? String(contentsOfFile: root.path + "/" + path, encoding: .utf8) {
                    files.append(File(path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false)))
                }
            }
        }
        self.files = files
    }

    func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.path + "/" + path)
    }

    func sizeBytes(_ path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: root.path + "/" + path)
        return (attributes?[.size] as? Int) ?? 0
    }

    /// The Swift files of the product: no tests, no samples.
    var sources: [File] {
        files.filter { $0.isSwift && ($0.path.hasPrefix("Sources/") || $0.path.hasPrefix("Plugins/")) }
    }
}

/// Fails with `file:line: rule: what to do instead`.
func report(_ findings: [String], sourceLocation: SourceLocation = #_sourceLocation) {
    if findings.isEmpty { return }
    Issue.record("\(findings.joined(separator: "\n"))", sourceLocation: sourceLocation)
}
