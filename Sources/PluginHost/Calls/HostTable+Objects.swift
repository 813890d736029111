internal import ObjectStore
internal import WeirPluginABI
internal import WorkTracking

/// Objects: get, list, create, update, patch, delete, watch.
extension HostTable {
    static func fillObjects(_ table: inout weir_host_v1) {
        fillReads(&table)
        fillWrites(&table)
        fillWatches(&table)
    }

    private static func fillReads(_ table: inout weir_host_v1) {
        table.object_get = { host, operation, kind, namespace, name, result in
            HostTable.answerBlocking(host, .objectGet, result) { calls throws(CallError) in
                let key = try HostTable.key(kind, namespace, name)
                try calls.require(.get, key.kind, namespace: key.namespace)
                return try HostTable.call(calls, operation, .read) { try await $0.get(key).encoded() }
            }
        }
        table.object_list = { host, operation, query, result in
            HostTable.answerBlocking(host, .objectList, result) { calls throws(CallError) in
                let query = try Argument.query(query)
                try HostTable.require(.list, query, calls)
                return try HostTable.call(calls, operation, .read) { try await $0.list(query).encodedList() }
            }
        }
    }

    private static func fillWrites(_ table: inout weir_host_v1) {
        table.object_create = { host, operation, object, result in
            HostTable.answerBlocking(host, .objectCreate, result) { calls throws(CallError) in
                let object = try Argument.object(object)
                try calls.require(.create, object.objectKind, namespace: object.metadata.namespace)
                return try HostTable.call(calls, operation, .write) { try await $0.create(object).encoded() }
            }
        }
        table.object_update = { host, operation, object, part, result in
            HostTable.answerBlocking(host, .objectUpdate, result) { calls throws(CallError) in
                let object = try Argument.object(object)
                let part = try Argument.part(part)
                try calls.require(.update, object.objectKind, namespace: object.metadata.namespace)
                return try HostTable.call(calls, operation, .write) { try await $0.update(object, part).encoded() }
            }
        }
        table.object_patch = { host, operation, kind, namespace, name, type, patch, part, result in
            HostTable.answerBlocking(host, .objectPatch, result) { calls throws(CallError) in
                let key = try HostTable.key(kind, namespace, name)
                let part = try Argument.part(part)
                let patch = try HostTable.patch(type, patch, key)
                try calls.require(.patch, key.kind, namespace: key.namespace)
                if case .apply = patch { try calls.require(.create, key.kind, namespace: key.namespace) }
                return try HostTable.call(calls, operation, .write) { try await $0.patch(key, patch, part).encoded() }
            }
        }
        table.object_delete = { host, operation, kind, namespace, name, options, result in
            HostTable.answerBlocking(host, .objectDelete, result) { calls throws(CallError) in
                let key = try HostTable.key(kind, namespace, name)
                let options = try Argument.deleteOptions(options)
                try calls.require(.delete, key.kind, namespace: key.namespace)
                return try HostTable.call(calls, operation, .write) { try await $0.delete(key, options).encoded() }
            }
        }
    }

    private static func fillWatches(_ table: inout weir_host_v1) {
        table.object_watch = { host, query, version, callback, context, watch, error in
            watch?.pointee = 0
            // Only the plugin knows what the context is; the host hands it back.
            nonisolated(unsafe) let context = context
            return HostTable.answerBlocking(host, .objectWatch, error) { calls throws(CallError) in
                let query = try Argument.query(query)
                guard let callback, let watch else {
                    throw CallError(WEIR_BAD_ARGUMENT, "\(callback == nil ? "callback" : "watch") is NULL")
                }
                try HostTable.require(.watch, query, calls)
                watch.pointee = try ObjectWatch.open(
                    query, after: ResourceVersion(version), calls, WatchCallback(function: callback, context: context))
                return nil
            }
        }
        table.watch_end = { host, watch in
            HostTable.answer(host, .watchEnd, nil) { calls throws(CallError) in
                guard let found = calls.watches.value(watch) else {
                    throw CallError(WEIR_BAD_HANDLE, "watch \(watch) has ended, or never was")
                }
                found.end(WEIR_OK)
                return nil
            }
        }
    }

    // MARK: Arguments

    private static func key(
        _ kind: weir_bytes, _ namespace: weir_bytes, _ name: weir_bytes
    ) throws(CallError) -> ObjectKey {
        let key = ObjectKey(
            try Argument.kind(kind), namespace: try Argument.text(namespace, "namespace"),
            name: try Argument.text(name, "name"))
        guard !key.name.isEmpty else { throw CallError(WEIR_BAD_ARGUMENT, "name is empty") }
        return key
    }

    private static func patch(
        _ type: UInt32, _ bytes: weir_bytes, _ key: ObjectKey
    ) throws(CallError) -> ObjectPatch {
        switch Int32(bitPattern: type) {
        case WEIR_PATCH_MERGE: return .merge(try Argument.json(bytes, "patch"))
        case WEIR_PATCH_JSON: return .json(try Argument.json(bytes, "patch"))
        case WEIR_PATCH_APPLY:
            let object = try Argument.object(bytes)
            guard object.key == key else {
                throw CallError(WEIR_BAD_ARGUMENT, "the patch is \(object.key), but was to be applied to \(key)")
            }
            return .apply(object)
        default: throw CallError(WEIR_BAD_ARGUMENT, "\(type) is no type of patch; see WEIR_PATCH_MERGE")
        }
    }

    private static func require(_ verb: Verb, _ query: ListQuery, _ calls: HostCalls) throws(CallError) {
        guard let kind = query.selection.kind else { throw CallError(WEIR_BAD_ARGUMENT, "query.kind is missing") }
        try calls.require(verb, kind, namespace: query.selection.namespace)
    }

    /// Asks the node's objects.
    private static func call(
        _ calls: HostCalls, _ operation: UInt64, _ access: Access,
        _ body: @escaping @Sendable (any ObjectAccess) async throws -> [UInt8]
    ) throws(CallError) -> [UInt8] {
        guard let objects = calls.services.objects else {
            throw CallError(WEIR_UNSUPPORTED, "this node has no objects")
        }
        let operation = try calls.operation(operation)
        return try calls.wait(for: operation, access) { try await body(objects) }
    }
}

extension ObjectPage {
    /// The page as Kubernetes writes lists.
    func encodedList() -> [UInt8] {
        var metadata: [String: JSONValue] = ["resourceVersion": .string(resourceVersion.description)]
        if let continueToken { metadata["continue"] = .string(continueToken) }
        return JSONValue.object(["items": .array(objects.map(\.json)), "metadata": .object(metadata)]).encoded()
    }
}
