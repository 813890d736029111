import Foundation
import Testing

@Suite("The mutations of the consensus machine")
struct MutationTests {
    private struct Mutation: Decodable {
        var name: String
        var file: String
        var find: String
        var replace: String
    }

    @Test("each still fits the source in exactly one place")
    func fit() throws {
        let root = Tree.current.root
        let bytes = try Data(contentsOf: root.appendingPathComponent("Tests/Mutations/mutations.json"))
        let mutations = try JSONDecoder().decode([Mutation].self, from: bytes)
        var findings: [String] = []
        for mutation in mutations {
            let source = try String(contentsOf: root.appendingPathComponent(mutation.file), encoding: .utf8)
            let count = source.components(separatedBy: mutation.find).count - 1
            if count != 1 || mutation.find == mutation.replace {
                findings.append("\(mutation.file): mutation \(mutation.name): its text is there \(count) times")
            }
        }
        if Set(mutations.map(\.name)).count != mutations.count {
            findings.append("Tests/Mutations/mutations.json: two mutations have one name")
        }
        report(findings)
    }
}
