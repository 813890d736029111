/// What a kind asks of keys, selections and objects; and the kinds that objects define.
extension ObjectStore {
    /// A key with the namespace that its kind wants, and what is known of the kind.
    func resolved(_ key: ObjectKey) throws(ObjectError) -> (key: ObjectKey, record: KindRegistry.Record) {
        let record = try registry.record(key.kind)
        guard record.isNamespaced else {
            guard key.namespace.isEmpty else { throw Self.noNamespaces(key) }
            return (key, record)
        }
        guard key.namespace.isEmpty else { return (key, record) }
        return (ObjectKey(key.kind, namespace: Self.defaultNamespace, name: key.name), record)
    }

    /// As above, for an object of an `apiVersion`.
    func resolved(
        _ key: ObjectKey, _ apiVersion: String
    ) throws(ObjectError) -> (key: ObjectKey, record: KindRegistry.Record) {
        let resolved = try resolved(key)
        if let wanted = resolved.record.apiVersion, wanted != apiVersion {
            throw ObjectError(.badRequest, "\(key.kind) is of \(wanted) here, not of '\(apiVersion)'")
        }
        return resolved
    }

    /// A selection as its kind wants it: an empty namespace is all of them.
    func resolved(_ selection: ObjectSelection) throws(ObjectError) -> ObjectSelection {
        var selection = selection
        if selection.namespace?.isEmpty == true { selection.namespace = nil }
        guard let kind = selection.kind else { return selection }
        let record = try registry.record(kind)
        if let namespace = selection.namespace, !record.isNamespaced {
            throw Self.noNamespaces(ObjectKey(kind, namespace: namespace, name: ""))
        }
        return selection
    }

    private static func noNamespaces(_ key: ObjectKey) -> ObjectError {
        .invalid(
            key, [ObjectError.Cause("metadata.namespace", "\(key.kind) objects live in no namespace: leave it out")])
    }

    /// An object as it may be stored: without what its schema does not know, with defaults, admitted and valid.
    ///
    /// Content that stays as it is is not judged anew: a schema that became stricter keeps nobody from taking a
    /// finalizer off.
    /// - Parameter changes: What is not as it is stored.
    /// - Returns: The object, and what is not as it is stored by now.
    /// - Throws: `ObjectError.invalid`, which names the fields.
    func prepared(
        _ object: Object, _ part: ObjectPart, over stored: Object?, _ record: KindRegistry.Record,
        _ changes: WriteRules.Changes
    ) throws(ObjectError) -> (object: Object, changes: WriteRules.Changes) {
        let definition = record.definition
        var (object, changes) = (object, changes)
        // What was judged new stays so where a schema makes what is stored of it.
        var isNewContent = changes.isContent
        if isNewContent, let schema = definition.schema {
            object = schema.defaulted(schema.pruned(object))
            changes = WriteRules.changes(object, stored)
        }
        if part == .main, !record.admissions.isEmpty {
            for admission in record.admissions { object = try admission.admit(object, replacing: stored) }
            changes = WriteRules.changes(object, stored)
            isNewContent = changes.isContent
        }
        var causes: [ObjectError.Cause] = []
        if changes.contains(.metadata) {
            causes = ObjectRules.problems(object, definition: definition)
        } else if isNewContent {
            causes = ObjectRules.contentProblems(object)
        }
        if isNewContent, let schema = definition.schema { causes += schema.problems(in: object) }
        guard causes.isEmpty else { throw .invalid(object.key, causes) }
        if record.isCustomKinds, part == .main {
            object = try established(object)
            changes = WriteRules.changes(object, stored)
        }
        return (object, changes)
    }

    // MARK: Custom kinds

    /// Makes the kinds known that stored CustomResourceDefinitions define, and forgets those of others.
    ///
    /// A store knows those that are written through itself at once; those that others write it learns by this, or by
    /// an `ObjectsComponent`, which follows them.
    public func loadKinds() async throws {
        _ = try await loadedKinds()
    }

    /// As above.
    ///
    /// - Returns: The version that the definitions were read at.
    func loadedKinds() async throws -> ResourceVersion {
        let page = try await storage.list(ListQuery(ObjectSelection(kind: CustomKinds.kind)))
        for object in page.objects { noteWritten(object) }
        registry.removeCustom(except: Set(page.objects.map(\.metadata.uid)))
        return page.resourceVersion
    }

    /// An object was stored: if it stands for a kind or a namespace, that counts from now on.
    func noteWritten(_ object: Object) {
        guard object.kind == CustomKinds.kind.name || object.kind == ContentsRules.namespace.name else { return }
        switch object.objectKind {
        case CustomKinds.kind:
            guard let definition = try? CustomKinds.definition(of: object) else { return }
            registry.register(definition, .custom(object.metadata.uid))
        case ContentsRules.namespace:
            registry.note(namespace: object.metadata.name, isTerminating: object.metadata.isBeingDeleted)
        default:
            break
        }
    }

    /// An object was removed.
    func noteRemoved(_ object: Object) {
        switch object.objectKind {
        case CustomKinds.kind: registry.remove(custom: object.metadata.uid)
        case ContentsRules.namespace: registry.note(namespace: object.metadata.name, isTerminating: false)
        default: break
        }
    }

    private func established(_ object: Object) throws(ObjectError) -> Object {
        let definition = try CustomKinds.definition(of: object)
        let causes = registry.collisions(of: definition, uid: object.metadata.uid)
        guard causes.isEmpty else { throw .invalid(object.key, causes) }
        return CustomKinds.established(object, definition, now: now)
    }
}
