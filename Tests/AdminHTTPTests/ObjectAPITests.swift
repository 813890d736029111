import ObjectStore
import Testing
import WeirRuntime

@testable import AdminHTTP

@Suite("The object API")
struct ObjectAPITests {
    private static let maps = "/api/v1/namespaces/default/configmaps"

    /// A request, and what its answer has to say.
    private struct Step {
        var method: String
        var path: String
        var body = ""
        var type = "application/json"
        var status: Int
        /// Parts of the body.
        var says: [String] = []
    }

    private func run(_ steps: [Step]) async throws {
        try await AdminFixture.withObjects { node in
            for step in steps {
                let answer = try await node.ask(
                    step.method, step.path, body: step.body, headers: ["Content-Type: \(step.type)"])
                #expect(answer.status == step.status, "\(step.method) \(step.path): \(answer.body)")
                for part in step.says {
                    #expect(answer.body.contains(part), "\(step.method) \(step.path): \(answer.body)")
                }
            }
        }
    }

    @Test("an object is created, read, changed in every way, and deleted")
    func verbs() async throws {
        let path = Self.maps + "/c"
        try await run([
            // Kind and version are the path's where the document leaves them out, as typed clients do.
            Step(
                method: "POST", path: Self.maps, body: #"{"metadata":{"name":"c"},"data":{"a":"1"}}"#, status: 201,
                says: [#""kind":"ConfigMap""#, #""apiVersion":"v1""#, #""resourceVersion":"#]),
            Step(method: "GET", path: path, status: 200, says: [#""data":{"a":"1"}"#]),
            Step(method: "HEAD", path: path, status: 200),
            Step(
                method: "PUT", path: path, body: #"{"metadata":{"name":"c"},"data":{"a":"2"}}"#, status: 200,
                says: [#""data":{"a":"2"}"#]),
            Step(
                method: "PATCH", path: path, body: #"{"data":{"b":"3"}}"#, type: "application/merge-patch+json",
                status: 200, says: [#""data":{"a":"2","b":"3"}"#]),
            Step(
                method: "PATCH", path: path,
                body: #"[{"op":"test","path":"/data/b","value":"3"},{"op":"remove","path":"/data/a"}]"#,
                type: "application/json-patch+json", status: 200, says: [#""data":{"b":"3"}"#]),
            Step(
                method: "PATCH", path: path,
                body: #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"d":"4"}}"#,
                type: "application/apply-patch+yaml", status: 200, says: [#""data":{"b":"3","d":"4"}"#]),
            Step(method: "GET", path: Self.maps, status: 200, says: [#""kind":"ConfigMapList""#, #""name":"c""#]),
            Step(method: "DELETE", path: path, status: 200, says: [#""status":"Success""#]),
            Step(method: "GET", path: path, status: 404, says: [#""reason":"NotFound""#]),
        ])
    }

    @Test("what is refused says why, in the words of Kubernetes")
    func refusals() async throws {
        let path = Self.maps + "/c"
        let merge = "application/merge-patch+json"
        try await run([
            Step(method: "POST", path: Self.maps, body: #"{"metadata":{"name":"c"}}"#, status: 201),
            Step(
                method: "POST", path: Self.maps, body: #"{"metadata":{"name":"c"}}"#, status: 409,
                says: [#""reason":"AlreadyExists""#]),
            Step(
                method: "PUT", path: path, body: #"{"metadata":{"name":"c","resourceVersion":"0"}}"#, status: 409,
                says: [#""reason":"Conflict""#]),
            Step(method: "POST", path: Self.maps, body: "{", status: 400, says: ["not JSON"]),
            Step(
                method: "POST", path: Self.maps, body: #"{"kind":"Secret","metadata":{"name":"c"}}"#, status: 400,
                says: ["the path is for ConfigMap"]),
            Step(method: "PUT", path: path, body: #"{"metadata":{"name":"d"}}"#, status: 400, says: ["called 'd'"]),
            Step(method: "PATCH", path: path, body: "{}", type: "text/plain", status: 415, says: ["merge-patch"]),
            Step(
                method: "PATCH", path: path, body: #"{"data":{"a":1}}"#, type: merge, status: 422,
                says: [#""reason":"Invalid""#, #""field":"data.a""#, #""name":"c""#, #""kind":"configmaps""#]),
            Step(method: "POST", path: path, status: 405, says: [#""reason":"MethodNotAllowed""#]),
            Step(method: "GET", path: "/api/v1/configmaps/c", status: 400, says: ["live in namespaces"]),
            Step(method: "GET", path: "/api/v1/nothings", status: 404, says: ["`weir kinds`"]),
            Step(method: "GET", path: "/apis/nothing/v1", status: 404, says: [#""reason":"NotFound""#]),
            Step(method: "GET", path: Self.maps + "?limit=x", status: 400, says: ["limit is 'x'"]),
            Step(method: "GET", path: Self.maps + "?continue=x", status: 400, says: ["continue token"]),
            Step(method: "GET", path: Self.maps + "?watch=1&resourceVersion=9999", status: 410, says: ["Expired"]),
            Step(method: "GET", path: Self.maps + "?dryRun=All", status: 400, says: ["dryRun"]),
        ])
    }

    @Test("selectors arrive as they were meant, blanks written as + or %20")
    func selectors() async throws {
        let labelled = #"{"metadata":{"name":"c","labels":{"app":"web"}}}"#
        try await run([
            Step(method: "POST", path: Self.maps, body: labelled, status: 201),
            Step(method: "POST", path: Self.maps, body: #"{"metadata":{"name":"other"}}"#, status: 201),
            Step(
                method: "GET", path: Self.maps + "?labelSelector=app+in+%28web%2Cdb%29", status: 200,
                says: [#""name":"c""#]),
            Step(
                method: "GET", path: Self.maps + "?labelSelector=app%20notin%20(db),app", status: 200,
                says: [#""name":"c""#]),
            Step(
                method: "GET", path: Self.maps + "?fieldSelector=metadata.name%3Dnone", status: 200,
                says: [#""items":[]"#]),
            Step(method: "GET", path: Self.maps + "?limit=1", status: 200, says: [#""continue":"#]),
            Step(method: "GET", path: Self.maps + "?labelSelector=a+b", status: 400, says: ["label selector 'a b'"]),
        ])
    }

    @Test("the runtime's components are objects that can be read and not changed")
    func components() async throws {
        let path = "/apis/weir/v1/components"
        try await run([
            Step(
                method: "GET", path: path, status: 200,
                says: [#""name":"http""#, #""name":"http.observe""#, #""phase":"Running""#]),
            Step(
                method: "GET", path: path + "/objects.storage", status: 200, says: [#""component":"objects/storage""#]),
            Step(method: "GET", path: path + "/nothing", status: 404),
            Step(
                method: "GET", path: path + "?fieldSelector=metadata.name%3Dnone", status: 200, says: [#""items":[]"#]),
            Step(method: "DELETE", path: path + "/http", status: 403, says: [#""reason":"Forbidden""#]),
            Step(
                method: "POST", path: path, body: #"{"metadata":{"name":"x"},"spec":{"node":"a","component":"b"}}"#,
                status: 403),
            Step(method: "GET", path: path + "?watch=true", status: 403, says: ["weir work --watch"]),
            Step(method: "GET", path: "/apis/weir/v1", status: 200, says: [#""verbs":["get","list"]"#]),
        ])
    }

    @Test("a watch shows what is there, then each change; a drain ends it, and refuses what comes")
    func watch() async throws {
        try await AdminFixture.withObjects { node in
            func post(_ name: String) async throws {
                let answer = try await node.ask("POST", Self.maps, body: #"{"metadata":{"name":"\#(name)"}}"#)
                #expect(answer.status == 201)
            }
            try await post("first")
            let connection = try await RawConnection.open(node.port)
            try await connection.send("GET \(Self.maps)?watch=true HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
            var text = ""
            var isPosted = false
            var isDrained = false
            for await chunk in connection.received {
                text += chunk
                if !isPosted, text.contains(#""name":"first""#) {
                    isPosted = true
                    try await post("second")
                }
                if !isDrained, text.contains(#""name":"second""#) {
                    isDrained = true
                    try node.runtime.drain("http")
                }
            }
            #expect(isDrained)
            #expect(text.components(of: #""type":"ADDED""#) == 2)
            let refused = try await node.ask("GET", Self.maps)
            #expect(refused.status == 503)
            #expect(refused.body.contains(#""reason":"ServiceUnavailable""#))
        }
    }
}

extension String {
    /// How often a text occurs.
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
