import HTTPTypes
import Hummingbird
import NIOCore
import ObjectStore
import WeirRuntime
import WorkTracking

/// Answers requests of the object API: Kubernetes' paths, verbs, documents and errors.
///
/// Each request is one operation of the gate `http`, and a root: what it begins at the store is let in while the node
/// drains. A watch is a session, told to end when the drain begins.
struct ObjectResponder: Sendable {
    /// A request's body may be this long: etcd's bound on a request, twice.
    static let bodySizeBytesMax = 3 << 20

    let objects: any ObjectAccess
    let gate: Gate
    let watches: OpenWatches
    let clock: any Clock

    /// The answer; every error is a `Status`.
    func respond(to request: Request, _ route: ObjectRoute) async -> Response {
        do {
            guard route.methods.contains(request.method) else {
                let methods = route.methods.map(\.rawValue).joined(separator: ", ")
                throw ObjectRefusal(
                    document: StatusDocument(
                        httpStatus: 405, reason: "MethodNotAllowed",
                        message: "\(request.method.rawValue) means nothing here; use \(methods)"),
                    headers: [.allow: methods])
            }
            return try await gate.track(
                "object request", key: "\(request.method.rawValue) \(request.uri.path)",
                access: request.method == .get || request.method == .head ? .read : .write
            ) {
                try await answer(request, route)
            }
        } catch let refusal as ObjectRefusal {
            return json(
                refusal.document.json, HTTPResponse.Status(code: refusal.document.httpStatus), refusal.headers)
        } catch {
            var document = StatusDocument(error)
            if case .object(let group, let plural, _, let name, _) = route {
                document.subject = StatusDocument.Subject(name: name, plural: plural, group: group.group)
            }
            return json(document.json, HTTPResponse.Status(code: document.httpStatus))
        }
    }

    private func answer(_ request: Request, _ route: ObjectRoute) async throws -> Response {
        let discovery = Discovery(kinds: try await objects.kinds())
        switch route {
        case .version: return json(Discovery.version)
        case .coreVersions: return json(Discovery.coreVersions)
        case .groups: return json(discovery.groups)
        case .group(let name): return try json(found(discovery.group(name), "no group is called '\(name)'"))
        case .kinds(let group):
            return try json(found(discovery.resources(group), "no group is called '\(group.text)'"))
        case .collection(let group, let plural, let namespace):
            let kind = try discovery.kind(group, plural: plural)
            return try await answer(request, ObjectPlace(kind, namespace: namespace))
        case .object(let group, let plural, let namespace, let name, let subresource):
            let kind = try discovery.kind(group, plural: plural)
            let key = try ObjectPlace(kind, namespace: namespace).key(name)
            return try await answer(request, kind, key, subresource == .status ? .status : .main)
        }
    }

    private func found(_ document: JSONValue?, _ otherwise: String) throws(ObjectError) -> JSONValue {
        guard let document else { throw ObjectError(.notFound, otherwise) }
        return document
    }

    // MARK: Collections

    private func answer(_ request: Request, _ place: ObjectPlace) async throws -> Response {
        let query = try ObjectQuery(request.uri.query)
        switch request.method {
        case .post:
            let object = try place.adopted(try await body(request))
            return json(try await objects.create(object).json, .created)
        case .delete:
            return try await deleteAll(request, place, query)
        default:
            if query.isWatch { return try await watch(request, place, query) }
            let selection = query.selection(place.definition.kind, namespace: place.namespace)
            let page = try await objects.list(
                ListQuery(selection, limit: query.limit, continueToken: query.continueToken))
            return json(document(of: page, place.definition, asTable: wantsTable(request)))
        }
    }

    private func document(of page: ObjectPage, _ kind: KindDefinition, asTable: Bool) -> JSONValue {
        var metadata: JSONValue = ["resourceVersion": .string("\(page.resourceVersion)")]
        if let token = page.continueToken { metadata["continue"] = .string(token) }
        if asTable { return table(kind).json(page.objects, metadata: metadata) }
        return [
            "kind": .string("\(kind.kind.name)List"), "apiVersion": .string(kind.apiVersion), "metadata": metadata,
            "items": .array(page.objects.map(\.json)),
        ]
    }

    private func deleteAll(_ request: Request, _ place: ObjectPlace, _ query: ObjectQuery) async throws -> Response {
        let options = try await deleteOptions(request, query)
        let selection = query.selection(place.definition.kind, namespace: place.namespace)
        let page = try await objects.list(ListQuery(selection))
        var deleted: [Object] = []
        for object in page.objects {
            do {
                deleted.append(try await objects.delete(object.key, options))
            } catch let error as ObjectError where error.reason == .notFound {
                // Somebody else was quicker.
            }
        }
        let answer = ObjectPage(objects: deleted, resourceVersion: page.resourceVersion)
        return json(document(of: answer, place.definition, asTable: false))
    }

    // MARK: Objects

    private func answer(
        _ request: Request, _ kind: KindDefinition, _ key: ObjectKey, _ part: ObjectPart
    ) async throws -> Response {
        switch request.method {
        case .put:
            let object = try ObjectPlace(kind, namespace: key.namespace).adopted(
                try await body(request), named: key.name)
            return json(try await objects.update(object, part).json)
        case .patch:
            let value = try await body(request)
            let patch = try Self.patch(value, type: request.headers[.contentType] ?? "", key)
            return json(try await objects.patch(key, patch, part).json)
        case .delete:
            let query = try ObjectQuery(request.uri.query)
            let object = try await objects.delete(key, try await deleteOptions(request, query))
            return json(object.metadata.isBeingDeleted ? object.json : StatusDocument.success(object))
        default:
            let object = try await objects.get(key)
            guard wantsTable(request) else { return json(object.json) }
            let version = object.metadata.resourceVersion ?? .zero
            return json(table(kind).json([object], metadata: ["resourceVersion": .string("\(version)")]))
        }
    }

    private static func patch(_ value: JSONValue, type: String, _ key: ObjectKey) throws -> ObjectPatch {
        let type = type.split(separator: ";").first.map(String.init) ?? ""
        switch type {
        case "application/merge-patch+json", "application/strategic-merge-patch+json": return .merge(value)
        case "application/json-patch+json": return .json(value)
        case "application/apply-patch+yaml", "application/apply-patch+json":
            var object = try Object(value)
            object.metadata.name = key.name
            object.metadata.namespace = key.namespace
            return .apply(object)
        default:
            throw ObjectRefusal(
                document: StatusDocument(
                    httpStatus: 415, reason: "UnsupportedMediaType",
                    message: "a patch's Content-Type is '\(type)'; it must be application/merge-patch+json, "
                        + "application/json-patch+json or application/apply-patch+yaml (with JSON in it)"))
        }
    }

    private func deleteOptions(_ request: Request, _ query: ObjectQuery) async throws -> DeleteOptions {
        var options = DeleteOptions()
        let body = try await bytes(request)
        if !body.isEmpty {
            let document = try Self.parsed(body)
            if let text = document["propagationPolicy"]?.stringValue {
                options.propagation = try ObjectQuery.propagation(text)
            }
            options.preconditions.uid = document["preconditions"]?["uid"]?.stringValue
            options.preconditions.resourceVersion =
                document["preconditions"]?["resourceVersion"]?.stringValue.flatMap { ResourceVersion($0) }
        }
        if let propagation = query.propagation { options.propagation = propagation }
        return options
    }

    // MARK: Watches

    private func watch(_ request: Request, _ place: ObjectPlace, _ query: ObjectQuery) async throws -> Response {
        let selection = query.selection(place.definition.kind, namespace: place.namespace)
        var first: [WatchEvent] = []
        var version = query.resourceVersion ?? .zero
        if query.resourceVersion == nil {
            // As in Kubernetes: without a version, what is there comes first.
            let page = try await objects.list(ListQuery(selection))
            version = page.resourceVersion
            first = page.objects.map { WatchEvent(.added, $0, at: $0.metadata.resourceVersion ?? version) }
        }
        let stream = try await objects.watch(
            WatchQuery(selection, sendsBookmarks: query.wantsBookmarks), after: version)
        let session = OpenWatch(stream, session: try gate.openSession(), registry: watches)
        let lines = WatchLines(definition: place.definition, table: wantsTable(request) ? table(place.definition) : nil)
        let timeout = query.timeout.map { clock.now + $0 }
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody { [first] writer in
                // A client that goes ends its watch, also where nothing happens that would be written.
                let (written, writing) = AsyncStream<Never>.makeStream()
                let leaving = Task {
                    try? await request.body.consumeWithInboundCloseHandler { _ in
                        for await _ in written {}
                    } onInboundClosed: {
                        session.end()
                    }
                }
                defer { writing.finish() }
                session.end(at: timeout, clock)
                if !first.isEmpty { try await writer.write(ByteBuffer(bytes: first.flatMap(lines.line))) }
                while let text = try await session.next(lines) { try await writer.write(ByteBuffer(bytes: text)) }
                writing.finish()
                await leaving.value
                try await writer.finish(nil)
            })
    }

    // MARK: Bodies

    private func table(_ kind: KindDefinition) -> TableDocument {
        TableDocument(definition: kind, now: Timestamp(wallMilliseconds: clock.wallMilliseconds))
    }

    private func wantsTable(_ request: Request) -> Bool {
        request.headers[.accept]?.split(separator: ",").first?.contains("as=Table") ?? false
    }

    private func body(_ request: Request) async throws -> JSONValue {
        try Self.parsed(try await bytes(request))
    }

    private func bytes(_ request: Request) async throws -> [UInt8] {
        do {
            return Array(try await request.body.collect(upTo: Self.bodySizeBytesMax).readableBytesView)
        } catch {
            throw ObjectRefusal(
                document: StatusDocument(
                    httpStatus: 413, reason: "RequestEntityTooLarge",
                    message: "the body is longer than \(Self.bodySizeBytesMax) bytes, or did not arrive whole"))
        }
    }

    private static func parsed(_ bytes: [UInt8]) throws(ObjectError) -> JSONValue {
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw ObjectError(.badRequest, "the body is not JSON: \(error)")
        }
    }

    private func json(
        _ value: JSONValue, _ status: HTTPResponse.Status = .ok, _ headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        return Response(
            status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.encoded())))
    }
}

/// A kind, and the namespace that a path names.
struct ObjectPlace {
    let definition: KindDefinition
    /// Nil: all namespaces, or a kind that has none.
    let namespace: String?

    init(_ definition: KindDefinition, namespace: String?) throws(ObjectError) {
        if definition.scope == .cluster, let namespace, !namespace.isEmpty {
            throw ObjectError(.notFound, "\(definition.plural) have no namespace; leave '\(namespace)' out of the path")
        }
        self.definition = definition
        self.namespace = namespace
    }

    /// The key of an object here.
    func key(_ name: String) throws(ObjectError) -> ObjectKey {
        if definition.scope == .namespaced, namespace == nil {
            throw ObjectError(
                .badRequest, "\(definition.plural) live in namespaces; the path needs one, as in /namespaces/default")
        }
        return ObjectKey(definition.kind, namespace: namespace ?? "", name: name)
    }

    /// An object that was sent here, with what the path says where it says nothing.
    func adopted(_ document: JSONValue, named name: String? = nil) throws(ObjectError) -> Object {
        var document = document
        if case .object = document {
            if document["kind"] == nil { document["kind"] = .string(definition.kind.name) }
            if document["apiVersion"] == nil { document["apiVersion"] = .string(definition.apiVersion) }
        }
        var object = try Object(document)
        guard object.kind == definition.kind.name, object.apiVersion == definition.apiVersion else {
            throw ObjectError(
                .badRequest,
                "the object is a \(object.kind) of \(object.apiVersion); the path is for \(definition.kind.name) of "
                    + definition.apiVersion)
        }
        if let namespace, !namespace.isEmpty {
            if object.metadata.namespace.isEmpty { object.metadata.namespace = namespace }
            guard object.metadata.namespace == namespace else {
                throw ObjectError(
                    .badRequest,
                    "the object is of namespace '\(object.metadata.namespace)'; the path is for '\(namespace)'")
            }
        }
        if let name {
            if object.metadata.name.isEmpty { object.metadata.name = name }
            guard object.metadata.name == name else {
                throw ObjectError(
                    .badRequest, "the object is called '\(object.metadata.name)'; the path is for '\(name)'")
            }
        }
        return object
    }
}
