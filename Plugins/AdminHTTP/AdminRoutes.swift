import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import WeirRuntime
import WorkTracking

/// What each path answers.
struct AdminRoutes: Sendable {
    let runtime: Runtime
    let gate: Gate
    let probe: AdminProbe

    func router() -> Router<BasicRequestContext> {
        let router = Router()
        add("/livez", .get, to: router) { _, _ in Self.text(.ok, "ok\n") }
        add("/readyz", .get, to: router) { _, _ in readiness() }
        add("/metrics", .get, to: router) { _, _ in
            Self.text(.ok, PrometheusText.page(await runtime.metrics.collect()), type: PrometheusText.contentType)
        }
        add("/weir/v1/work", .get, to: router) { _, _ in try Self.json(.ok, WorkDocument(runtime.snapshot())) }
        add("/weir/v1/work/stream", .get, to: router) { _, _ in stream() }
        for path in ["/weir/v1/drain", "/weir/v1/drain/**"] as [RouterPath] {
            add(path, .get, to: router) { _, context in try rows(of: Self.componentName(context)) }
            add(path, .post, to: router) { request, context in try await drain(request, context) }
            add(path, .delete, to: router) { _, context in
                let name = Self.componentName(context)
                try await runtime.resume(name)
                return try rows(of: name)
            }
        }
        return router
    }

    /// Adds a route whose requests are counted, and whose errors become JSON.
    private func add(
        _ path: RouterPath, _ method: HTTPRequest.Method, to router: Router<BasicRequestContext>,
        _ body: @escaping @Sendable (Request, BasicRequestContext) async throws -> Response
    ) {
        router.on(path, method: method) { request, context in
            let answer = try await respond(request, context, body)
            probe.answered(path.description, answer.status.code)
            return answer
        }
    }

    private func respond(
        _ request: Request, _ context: BasicRequestContext,
        _ body: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        let permit: Permit
        do {
            permit = try gate.enter(.read)
        } catch {
            return try Self.refusal(.serviceUnavailable, "\(error)")
        }
        do {
            let answer = try await body(request, context)
            permit.end(.succeeded)
            return answer
        } catch let error as RuntimeError where error.code == .unknownComponent {
            permit.end(.failed)
            return try Self.refusal(.notFound, error.message)
        } catch let error as RuntimeError {
            permit.end(.failed)
            return try Self.refusal(.conflict, error.message)
        } catch let error as HTTPError {
            permit.end(.failed)
            return try Self.refusal(error.status, error.body ?? "bad request")
        }
    }

    // MARK: Health

    private func readiness() -> Response {
        let snapshot = runtime.snapshot()
        if snapshot.state != .running { return Self.text(.serviceUnavailable, "not ready: \(snapshot.state.rawValue)\n") }
        let busy = snapshot.components.first { $0.state == .starting || $0.state == .failed }
        if let busy { return Self.text(.serviceUnavailable, "not ready: \(busy.name) \(busy.state.rawValue)\n") }
        return Self.text(.ok, "ready\n")
    }

    // MARK: Work

    /// The rows again and again: at once, whenever something changed, and once a second.
    private func stream() -> Response {
        var headers = HTTPFields()
        headers[.contentType] = "text/event-stream"
        headers[.cacheControl] = "no-store"
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                let session = try gate.openSession()
                for await snapshot in runtime.snapshots() {
                    let json = String(decoding: try WorkDocument(snapshot).json(), as: UTF8.self)
                    try await writer.write(ByteBuffer(string: "data: \(json)\n\n"))
                }
                session.close()
                try await writer.finish(nil)
            })
    }

    // MARK: Drain

    private func drain(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let name = Self.componentName(context)
        let mode = request.uri.queryParameters["mode"].map(String.init) ?? "drain"
        switch mode {
        case "drain": try runtime.drain(name, mode: .drain)
        case "read-only": try runtime.drain(name, mode: .readOnly)
        default: throw HTTPError(.badRequest, message: "mode is '\(mode)'; it must be drain or read-only")
        }
        return try rows(of: name, status: .accepted)
    }

    /// The rest of the path is the name; nil where there is none.
    private static func componentName(_ context: BasicRequestContext) -> String? {
        let name = context.parameters.getCatchAll().joined(separator: "/")
        return name.isEmpty ? nil : name.removingPercentEscapes()
    }

    private func rows(of name: String?, status: HTTPResponse.Status = .ok) throws -> Response {
        var document = WorkDocument(runtime.snapshot())
        if let name {
            document.components.removeAll { $0.name != name }
            guard !document.components.isEmpty else {
                throw RuntimeError(.unknownComponent, "no component is called '\(name)'; `weir work` lists them")
            }
        }
        return try Self.json(status, document)
    }

    // MARK: Answers

    private static func text(
        _ status: HTTPResponse.Status, _ text: String, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    private static func json(_ status: HTTPResponse.Status, _ document: WorkDocument) throws -> Response {
        json(status, try document.json())
    }

    private static func json(_ status: HTTPResponse.Status, _ bytes: Data) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    private static func refusal(_ status: HTTPResponse.Status, _ reason: String) throws -> Response {
        json(status, try JSONEncoder().encode(["error": reason]))
    }
}

extension WorkDocument {
    /// The document of what the runtime shows.
    init(_ snapshot: RuntimeSnapshot) {
        state = snapshot.state.rawValue
        components = snapshot.components.map(Component.init)
    }
}

extension WorkDocument.Component {
    fileprivate init(_ snapshot: ComponentSnapshot) {
        let counts = snapshot.counts
        name = snapshot.name
        state = snapshot.state.rawValue
        inFlight = counts.inFlight
        peak = counts.peak
        started = counts.started
        succeeded = counts.succeeded
        failed = counts.failed
        cancelled = counts.cancelled
        abandoned = counts.abandoned
        rejected = counts.rejected
        sessions = counts.sessions
        loops = counts.loops
        oldest = snapshot.oldest.map {
            WorkDocument.Operation(name: $0.name, key: $0.key, ageMs: $0.age.milliseconds, phase: $0.phase ?? "")
        }
    }
}

extension String {
    /// The text with `%41` read as `A`; what is not an escape stays as it is.
    func removingPercentEscapes() -> String {
        var bytes: [UInt8] = []
        var rest = Array(utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
