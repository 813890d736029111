import ArgumentParser
import FoundationEssentials

#if canImport(Glibc)
import Glibc
#endif

@main
struct WeirRaftCases: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weir-raft-cases",
        abstract: "Runs conformance cases of consensus: what a small cluster prints, command by command.",
        discussion: """
            Each file is one world of its own. Outputs are compared in canonical form: messages to different \
            destinations may come in any order, those to the same one may not. Exits with 0 only if there is at \
            least one file and all of them pass.
            """)

    @Flag(help: "Compare outputs as they are, order of messages included.")
    var exact = false

    @Flag(help: "Compare the state of every node after every step too.")
    var states = false

    @Flag(help: .hidden)
    var record = false

    @Argument(help: "Files, or folders that are searched for *.json, folders in them included.")
    var paths: [String]

    func run() throws {
        let files: [String]
        do {
            files = try paths.flatMap(caseFiles)
        } catch let error as CaseFileError {
            throw ValidationError(error.description)
        }
        guard !files.isEmpty else { throw ValidationError("no *.json in \(paths.joined(separator: ", "))") }
        if record {
            for file in files { try Recorder.record(file) }
            return
        }
        let runner = CaseRunner(matching: exact ? .exact : .canonical, states: states ? .compared : .ignored)
        var failedCount = 0
        for file in files {
            switch runner.run(file) {
            case .passed:
                print("pass \(file)")
            case .failed(let report):
                failedCount += 1
                print("FAIL \(file)\n\(report)")
            }
            // What was found must be seen even if a later file stops the process.
            fflush(nil)
        }
        print("\(files.count - failedCount) passed, \(failedCount) failed")
        if failedCount > 0 { throw ExitCode.failure }
    }
}

/// The case files of a path: the file, or all *.json in the folder and the folders in it, by name.
func caseFiles(_ path: String) throws -> [String] {
    var isFolder = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw CaseFileError("\(path): there is no such file or folder")
    }
    guard isFolder else { return [path] }
    var files: [String] = []
    for name in try FileManager.default.contentsOfDirectory(atPath: path).sorted() {
        let inner = path.hasSuffix("/") ? path + name : path + "/" + name
        var isInnerFolder = false
        guard FileManager.default.fileExists(atPath: inner, isDirectory: &isInnerFolder) else { continue }
        if isInnerFolder {
            files += try caseFiles(inner)
        } else if name.hasSuffix(".json") {
            files.append(inner)
        }
    }
    return files
}
