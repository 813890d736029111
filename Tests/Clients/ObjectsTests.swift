import Foundation
import Testing

extension EndToEnd {
    /// Objects through the commands of the built program.
    @Suite("Objects")
    struct ObjectsTests {
        private static let definition = """
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: webs.example.com}
            spec:
              group: example.com
              scope: Namespaced
              names: {kind: Web, plural: webs, singular: web, shortNames: [wb]}
              versions:
              - name: v1
                served: true
                storage: true
                subresources: {status: {}}
                additionalPrinterColumns:
                - {name: Replicas, type: integer, jsonPath: .spec.replicas}
                schema:
                  openAPIV3Schema:
                    type: object
                    properties:
                      spec:
                        type: object
                        required: [image]
                        properties:
                          image: {type: string}
                          replicas: {type: integer, maximum: 5, default: 2}
            ---
            apiVersion: example.com/v1
            kind: Web
            metadata: {name: site, labels: {app: web}}
            spec: {image: nginx, unknown: 1}

            """

        /// What a command printed, on both outputs, and its exit code.
        private static func run(
            _ node: NodeProcess, _ arguments: String...
        ) throws -> (status: Int32, said: String, complained: String) {
            let (status, output, errors) = try ChildProcess.result(
                of: try Program.weir(), arguments, environment: ["WEIR_SERVER": node.server])
            return (status, output.trimmingCharacters(in: .newlines), errors)
        }

        private static func write(_ text: String, _ name: String, _ node: NodeProcess) throws -> String {
            let file = node.folder.appendingPathComponent(name)
            try text.write(to: file, atomically: true, encoding: .utf8)
            return file.path
        }

        @Test("a kind of one's own is defined, used, and still there after a restart", .timeLimit(.minutes(1)))
        func customKind() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            let file = try Self.write(Self.definition, "web.yaml", node)
            let applied = try Self.run(node, "apply", "-f", file)
            #expect(applied.said.contains("web.example.com/site created"), "\(applied)")
            #expect(try Self.run(node, "apply", "-f", file).said.contains("web.example.com/site unchanged"))
            #expect(try Self.run(node, "kinds").said.contains("example.com/v1"))
            let yaml = try Self.run(node, "get", "wb", "site", "-o", "yaml").said
            #expect(yaml.contains("replicas: 2"), "the schema's default is set")
            #expect(!yaml.contains("  unknown: 1"), "what the schema does not know is left out")
            let bad = try Self.write(
                "{apiVersion: example.com/v1, kind: Web, metadata: {name: b}, spec: {replicas: 9}}", "bad.yaml", node)
            let refused = try Self.run(node, "apply", "-f", bad)
            #expect(refused.status == 1)
            #expect(refused.complained.contains("spec.image: is missing"), "\(refused)")
            #expect(refused.complained.contains("spec.replicas: is 9, must be 5 at most"), "\(refused)")
            #expect(node.stop().status == 0)

            let again = try NodeProcess(folder: node.folder)
            #expect(
                try Self.run(again, "get", "webs", "-l", "app in (web)", "-o", "name").said == "web.example.com/site")
            let deleted = try Self.run(again, "delete", "web", "site")
            #expect(deleted.said.contains("web.example.com/site deleted"), "\(deleted)")
            #expect(again.stop().status == 0)
        }

        @Test("errors name the file, the line, the word that was meant", .timeLimit(.minutes(1)))
        func mistakes() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            let broken = try Self.write(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n---\na: [\nb: c\n", "broken.yaml", node)
            let apply = try Self.run(node, "apply", "-f", broken)
            #expect(apply.status == 64)
            #expect(apply.complained.contains("broken.yaml is not YAML or JSON"), "\(apply)")
            #expect(try Self.run(node, "get", "configmap", "good").status == 1, "nothing of a broken file is applied")
            let misspelt = try Self.run(node, "get", "topcs")
            #expect(misspelt.status == 1)
            #expect(misspelt.complained.contains("did you mean 'topics'?"), "\(misspelt)")
            #expect(try Self.run(node, "get", "topics", "orders", "-l", "a=b").status == 64)
            let components = try Self.run(node, "get", "components").said
            #expect(components.contains("objects.storage"), "\(components)")
            let drain = try Self.run(node, "delete", "component", "http")
            #expect(drain.complained.contains("cannot be changed"), "\(drain)")
            #expect(node.stop().status == 0)
        }

        @Test("a node with fifty open watches ends at once, and their clients with it", .timeLimit(.minutes(1)))
        func watches() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            let file = try Self.write(
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}", "c.yaml", node)
            _ = try Self.run(node, "apply", "-f", file)
            let watches = try (0..<50).map { _ in
                try ChildProcess(
                    try Program.weir(), ["watch", "configmaps", "-o", "name"],
                    environment: ["WEIR_SERVER": node.server])
            }
            for watch in watches { #expect(watch.readLine() == "configmap/c") }
            let end = node.stop()
            #expect(end.status == 0)
            #expect(try node.exitReport().verdict == "clean")
            for watch in watches { #expect(watch.wait() == 0) }
        }

        @Test("a finalizer holds a deletion back until it is taken away", .timeLimit(.minutes(1)))
        func finalizer() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            func write(_ finalizers: String) throws -> String {
                try Self.write(
                    "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, finalizers: [\(finalizers)]}}", "c.yaml",
                    node)
            }
            _ = try Self.run(node, "apply", "-f", try write("example.com/hold"))
            #expect(try Self.run(node, "delete", "configmap", "c", "--no-wait").status == 0)
            #expect(try Self.run(node, "get", "configmap", "c", "-o", "yaml").said.contains("deletionTimestamp"))
            let waiting = try ChildProcess(
                try Program.weir(), ["delete", "configmap", "c"], environment: ["WEIR_SERVER": node.server])
            #expect(waiting.readLine() == "configmap/c deleted")
            _ = try Self.run(node, "apply", "-f", try write(""))
            #expect(waiting.wait() == 0)
            #expect(try Self.run(node, "get", "configmap", "c").status == 1)
            #expect(node.stop().status == 0)
        }
    }
}
