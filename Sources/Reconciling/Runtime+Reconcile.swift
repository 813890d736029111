internal import Logging
public import ObjectStore
public import WeirRuntime

extension Runtime {
    /// Reconciles the objects of a kind: `body` runs for each that is there, and for each that changes.
    ///
    /// ```swift
    /// try runtime.addObjects(ObjectsComponent(MemoryStorage()))
    /// try runtime.reconcile(Widget.self) { request in
    ///     guard let widget = request.object else { return }
    ///     try await request.client.updateStatus(Widget.self, request.name) { $0.status = .init(size: widget.spec.size) }
    /// }
    /// ```
    ///
    /// Never two of them run for one key. What throws is tried again after a back-off, but for `TerminalError`. The
    /// component is called `reconcile/<kind>` and can be removed at run time; added at run time it starts by itself,
    /// and `started()` of the handle tells when. The kind is made known to the store.
    ///
    /// - Throws: `RuntimeError` where no store is registered, or the name is taken.
    @discardableResult
    @_disfavoredOverload
    public func reconcile<Content: Resource>(
        _ type: Content.Type, _ options: ReconcileOption<Content>...,
        body: @escaping @Sendable (ReconcileRequest<Content>) async throws -> ReconcileResult
    ) throws -> ControllerHandle {
        try reconcile(type, options: options, body: body)
    }

    /// Reconciles the objects of a kind, and is done with each when `body` returns.
    ///
    /// A body that is nothing but a call needs its `return` where the call's `ReconcileResult` counts: the compiler
    /// warns of one that is not used.
    @discardableResult
    public func reconcile<Content: Resource>(
        _ type: Content.Type, _ options: ReconcileOption<Content>...,
        body: @escaping @Sendable (ReconcileRequest<Content>) async throws -> Void
    ) throws -> ControllerHandle {
        try reconcile(type, options: options) { request in
            try await body(request)
            return .done
        }
    }

    /// Reconciles the objects of a kind, with options that were gathered before.
    @discardableResult
    public func reconcile<Content: Resource>(
        _ type: Content.Type, options: [ReconcileOption<Content>],
        body: @escaping @Sendable (ReconcileRequest<Content>) async throws -> ReconcileResult
    ) throws -> ControllerHandle {
        let settings = ReconcilerSettings(options)
        let controller = Controller(settings, runtime: self, body)
        guard let component = component(named: "objects") as? ObjectsComponent else {
            throw RuntimeError.noObjects(for: controller.name)
        }
        guard self.component(named: controller.name) == nil else {
            throw RuntimeError(
                .duplicateName,
                "two reconcilers want the name \(controller.name); give one of them another with .name(…)")
        }
        for definition in [Content.definition] + settings.kinds { component.store.register(definition) }
        do {
            try registerCompanions()
            try register(controller)
        } catch {
            guard error.code == .wrongTime else { throw error }
            controller.addItself(to: self)
        }
        return ControllerHandle(name: controller.name, keys: controller.keys, start: controller.startResult)
    }
}

/// What all reconcilers of a runtime share; the first one brings it.
extension Runtime {
    var informers: Informers? { component(named: "informers") as? Informers }
    var events: EventRecorder? { component(named: "events") as? EventRecorder }

    fileprivate func registerCompanions() throws(RuntimeError) {
        guard let objects else { return }
        if informers == nil { try register(Informers(objects)) }
        guard events == nil else { return }
        let recorder = EventRecorder(objects, clock: clock)
        try register(recorder)
        metrics.add(recorder)
    }

    /// Adds it while everything runs, unless it is there.
    func addCompanions() async throws {
        guard let objects else { return }
        if informers == nil { _ = try await addFirst(Informers(objects)) }
        guard events == nil else { return }
        let recorder = EventRecorder(objects, clock: clock)
        if try await addFirst(recorder) { metrics.add(recorder) }
    }

    /// Whether it was added; not where another reconciler brought one just now.
    private func addFirst(_ component: any Component) async throws -> Bool {
        do {
            try await add(component)
            return true
        } catch let error as RuntimeError where error.code == .duplicateName {
            return false
        }
    }
}

extension RuntimeError {
    /// Nobody registered a store.
    static func noObjects(for reconciler: String) -> RuntimeError {
        RuntimeError(
            .unknownDependency,
            "\(reconciler) needs a store of objects: call runtime.addObjects(ObjectsComponent(storage)) before")
    }
}
