import Logging
import ObjectStore
import Reconciling
import WeirRuntime

// What the host of reconcilers costs beside the reconciles themselves: its queue, its gate, its cache, its metrics.
// Each line is `reconcile: what, circumstances = reconciles a second, CPU each`.

struct Widget: Resource {
    static let definition = KindDefinition("example.com/v1", "Widget")

    struct Spec: Codable, Sendable {
        var size: Int
        var colour = "red"
    }

    var metadata: ObjectMetadata
    var spec: Spec
}

let objectCount = 10_000
let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
let names = (0..<objectCount).map { "widget-\($0)" }
let keys = names.map { ObjectKey(Widget.definition.kind, namespace: "default", name: $0) }

/// A runtime with 10,000 widgets that are reconciled by a body which does nothing.
func withWidgets(
    _ options: [ReconcileOption<Widget>],
    _ body: (Client, ControllerHandle, Counter) async throws -> Void
) async throws {
    var configuration = RuntimeConfiguration()
    configuration.signals = nil
    let runtime = Runtime(configuration, logger: logger)
    let objects = ObjectsComponent(MemoryStorage(), collection: .off)
    try runtime.addObjects(objects)
    let counter = Counter()
    let handle = try runtime.reconcile(Widget.self, options: options) { request in
        precondition(request.object != nil, "every widget is in the cache")
        counter.add()
        return .done
    }
    let client = Client(objects.store)
    for name in names {
        try await client.create(
            Widget(metadata: ObjectMetadata(name: name, namespace: "default"), spec: Widget.Spec(size: 1)))
    }
    try await runtime.start()
    await counter.reaches(objectCount)
    try await body(client, handle, counter)
    let report = await runtime.shutdown()
    precondition(report.exitCode == 0, "the runtime went down cleanly")
}

for workers in [1, 2, 4] {
    try await withWidgets([.maxConcurrent(workers)]) { _, handle, counter in
        let rounds = 10
        try await measure("no-op, \(objectCount) objects, \(workers) workers", turns: rounds * objectCount) {
            for _ in 0..<rounds {
                counter.reset()
                for key in keys { handle.enqueue(key) }
                await counter.reaches(objectCount)
            }
        }
    }
}

try await withWidgets([.timeout(.seconds(60))]) { _, handle, counter in
    try await measure("no-op, with a timeout, 1 worker", turns: objectCount) {
        counter.reset()
        for key in keys { handle.enqueue(key) }
        await counter.reaches(objectCount)
    }
}

try await measure("from nothing: create, list, decode, reconcile, 1 worker", turns: objectCount, rounds: 3) {
    try await withWidgets([]) { _, _, _ in }
}
