import FoundationEssentials
import Testing

@testable import weir_raft_cases

/// Where cases are.
enum CaseFolders {
    private static let package = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    /// The project's own.
    static let own = "/\(package)/Tests/RaftTests/Cases"

    /// Those recorded from etcd's library; nil where this checkout does not have them.
    static let shared: String? = {
        let named = ProcessInfo.processInfo.environment["WEIR_TEST_CONFORMANCE"]
        let folder = (named ?? "/\(package)/../shared") + "/raft-cases"
        return FileManager.default.fileExists(atPath: folder) ? folder : nil
    }()

    /// All files of `folder`, by name; none of none.
    static func files(_ folder: String?) -> [String] {
        guard let folder else { return [] }
        return (try? caseFiles(folder)) ?? []
    }
}

@Suite("Conformance cases")
struct CasesTests {
    @Test("every case of the project passes, with every state", arguments: CaseFolders.files(CaseFolders.own))
    func own(path: String) {
        #expect(CaseRunner(matching: .exact, states: .compared).run(path) == .passed)
    }

    @Test("the project has cases of its own, and each says what it stands for")
    func ownFilesAreComplete() throws {
        let paths = CaseFolders.files(CaseFolders.own)
        #expect(paths.count >= 45)
        for path in paths {
            let file = try CaseFile(path: path)
            #expect(file.source?.isEmpty == false, "\(path) names the test that it stands for")
            #expect(file.feature?.isEmpty == false, "\(path) says what it shows")
            #expect(file.file.map { path.hasSuffix("/\($0).json") } == true, "\(path) knows its name")
            #expect(file.steps.contains { $0.note != nil }, "\(path) argues its steps")
            #expect(file.steps.allSatisfy { $0.expected != nil }, "\(path) is recorded")
        }
    }

    @Test("every case recorded from etcd's library passes, with every state")
    func shared() {
        guard let folder = CaseFolders.shared else {
            print("no conformance cases here: set WEIR_TEST_CONFORMANCE to the folder that holds raft-cases")
            return
        }
        let paths = CaseFolders.files(folder)
        #expect(!paths.isEmpty, "\(folder) holds no case")
        let runner = CaseRunner(matching: .canonical, states: .compared)
        for path in paths { #expect(runner.run(path) == .passed) }
    }

    @Test("a command line is read as the file itself reads it")
    func directives() throws {
        for path in CaseFolders.files(CaseFolders.shared) + CaseFolders.files(CaseFolders.own) {
            for step in try CaseFile(path: path).steps {
                guard let arguments = step.arguments else { continue }
                #expect(Directive(step.directive).arguments == arguments, "\(path): \(step.directive)")
            }
        }
    }
}
