import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import WeirRuntime
import WorkTracking

/// Answers requests: finds the route, admits it by the gate, and makes every error a JSON sentence.
struct AdminResponder: HTTPResponder {
    let runtime: Runtime
    let gate: Gate
    let probe: AdminProbe
    let streams: OpenStreams
    /// Answers the object API; nil where the node has no objects.
    let objects: ObjectResponder?

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        let (label, answer) = try await labelled(request)
        probe.answered(label, answer.status.code)
        guard request.method == .head else { return answer }
        // As GET, without the body.
        var head = Response(status: answer.status, headers: answer.headers)
        head.headers[.contentLength] = answer.headers[.contentLength]
        return head
    }

    /// The answer, and how metrics call what was asked for.
    private func labelled(_ request: Request) async throws -> (label: String, Response) {
        if let objects, let route = ObjectRoute(path: request.uri.path) {
            return (route.label, await objects.respond(to: request, route))
        }
        let route = AdminRoute(path: request.uri.path)
        return (route?.label ?? "other", try await admitted(request, route))
    }

    private func admitted(_ request: Request, _ route: AdminRoute?) async throws -> Response {
        let permit: Permit
        do {
            permit = try gate.enter(.read)
        } catch {
            return try Self.refusal(.serviceUnavailable, "\(error)")
        }
        do {
            let answer = try await self.answer(request, route)
            permit.end(.succeeded)
            return answer
        } catch let error as AdminRefusal {
            permit.end(.failed)
            return try Self.refusal(error.status, error.reason, headers: error.headers)
        } catch let error as RuntimeError {
            permit.end(.failed)
            return try Self.refusal(error.code == .unknownComponent ? .notFound : .conflict, error.message)
        } catch {
            permit.end(.failed)
            return try Self.refusal(.internalServerError, "\(error)")
        }
    }

    private func answer(_ request: Request, _ route: AdminRoute?) async throws -> Response {
        guard let route else {
            throw AdminRefusal(.notFound, "there is nothing at \(request.uri.path); docs/operating.md lists the paths")
        }
        guard route.methods.contains(request.method) else {
            let methods = route.methods.map(\.rawValue).joined(separator: ", ")
            throw AdminRefusal(
                .methodNotAllowed, "\(request.method.rawValue) means nothing here; use \(methods)",
                headers: [.allow: methods])
        }
        switch (route, request.method) {
        case (.livez, _): return Self.text(.ok, "ok\n")
        case (.readyz, _): return readiness()
        case (.metrics, _):
            let page = PrometheusText.page(await runtime.metrics.collect())
            return Self.text(.ok, page, type: PrometheusText.contentType)
        case (.work, _): return try Self.json(.ok, WorkDocument(runtime.snapshot()).json())
        case (.workStream, _): return try stream(request)
        case (.drain(let name), .post):
            try runtime.drain(name, mode: try mode(request))
            return try rows(of: name, status: .accepted)
        case (.drain(let name), .delete):
            try await runtime.resume(name)
            return try rows(of: name)
        case (.drain(let name), _): return try rows(of: name)
        }
    }

    // MARK: Health

    /// Traffic should come while the node runs and each of its components serves.
    ///
    /// A single partition's state says nothing about the others: names with a `/` do not count.
    private func readiness() -> Response {
        let snapshot = runtime.snapshot()
        if snapshot.state != .running {
            return Self.text(.serviceUnavailable, "not ready: \(snapshot.state.rawValue)\n")
        }
        let serving: Set<ComponentState> = [.running, .readOnly]
        let busy = snapshot.components.first { !$0.name.contains("/") && !serving.contains($0.state) }
        if let busy {
            return Self.text(.serviceUnavailable, "not ready: \(busy.name) is \(busy.state.rawValue)\n")
        }
        return Self.text(.ok, "ready\n")
    }

    // MARK: Work

    /// The rows as server-sent events: at once, and whenever they changed.
    ///
    /// States are told at once, counts within half a second. The stream ends with the process.
    private func stream(_ request: Request) throws -> Response {
        let headers: HTTPFields = [.contentType: "text/event-stream", .cacheControl: "no-store"]
        guard request.method == .get else { return Response(status: .ok, headers: headers) }
        // Opened here, so that a refusal is an answer and not a broken stream.
        let session = OpenStream(session: try gate.openSession())
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                let (events, feed) = streams.open()
                let telling = Task {
                    for await snapshot in runtime.snapshots(every: .milliseconds(500)) { feed.yield(snapshot) }
                    feed.finish()
                }
                defer { telling.cancel() }
                var text = EventText()
                for await snapshot in events {
                    if let event = try text.next(WorkDocument(snapshot)) {
                        try await writer.write(ByteBuffer(string: event))
                    }
                }
                session.close()
                try await writer.finish(nil)
            })
    }

    /// A session that a closure can hold; ends when it is closed or dropped.
    private final class OpenStream: Sendable {
        private let session: Session

        init(session: consuming Session) {
            self.session = session
        }

        /// Keeps the session open until here.
        func close() {}
    }

    // MARK: Drain

    private func mode(_ request: Request) throws -> DrainMode {
        guard let text = request.uri.queryParameters["mode"].map(String.init) else { return .drain }
        guard let mode = DrainMode(rawValue: text) else {
            let modes = DrainMode.allCases.map(\.rawValue).joined(separator: " or ")
            throw AdminRefusal(.badRequest, "mode is '\(text)'; it must be \(modes)")
        }
        return mode
    }

    /// What a drain of `name` concerns: it and everything below it, but never what only observes.
    private func rows(of name: String?, status: HTTPResponse.Status = .ok) throws -> Response {
        var snapshot = runtime.snapshot()
        snapshot.components.removeAll { component in
            if component.isObserving { return true }
            return name.map { component.name != $0 && !component.name.hasPrefix($0 + "/") } ?? false
        }
        if let name, snapshot.components.isEmpty {
            throw RuntimeError(.unknownComponent, "no component \(name) runs here; `weir work` lists those there are")
        }
        return try Self.json(status, WorkDocument(snapshot).json())
    }

    // MARK: Answers

    private static func text(
        _ status: HTTPResponse.Status, _ text: String, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        whole(status, ByteBuffer(string: text), [.contentType: type, .cacheControl: "no-store"])
    }

    private static func json(
        _ status: HTTPResponse.Status, _ bytes: Data, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        return whole(status, ByteBuffer(bytes: bytes), headers)
    }

    private static func refusal(
        _ status: HTTPResponse.Status, _ reason: String, headers: HTTPFields = [:]
    ) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return json(status, try encoder.encode(["error": reason]), headers: headers)
    }

    private static func whole(_ status: HTTPResponse.Status, _ body: ByteBuffer, _ headers: HTTPFields) -> Response {
        Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}

/// A request that cannot be answered as it is.
private struct AdminRefusal: Error {
    var status: HTTPResponse.Status
    var reason: String
    var headers: HTTPFields

    init(_ status: HTTPResponse.Status, _ reason: String, headers: HTTPFields = [:]) {
        self.status = status
        self.reason = reason
        self.headers = headers
    }
}
