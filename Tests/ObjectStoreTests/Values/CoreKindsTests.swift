import ObjectStore
import Testing

@Suite("Core kinds")
struct CoreKindsTests {
    @Test("each has its names, and no two the same")
    func names() {
        #expect(
            CoreKinds.all.map { "\($0.apiVersion) \($0.kind.name) \($0.plural)" } == [
                "v1 Namespace namespaces", "v1 ConfigMap configmaps", "v1 Secret secrets",
                "v1 ServiceAccount serviceaccounts", "v1 Event events",
                "apiextensions.k8s.io/v1 CustomResourceDefinition customresourcedefinitions", "weir/v1 Topic topics",
                "weir/v1 Partition partitions", "weir/v1 Node nodes", "weir/v1 Component components",
            ])
        let words = CoreKinds.all.flatMap { [$0.plural, $0.singular] + $0.shortNames }
        #expect(Set(words).count == words.count)
    }

    @Test("a topic may leave everything to the node")
    func topic() throws {
        let bare = try Object(["apiVersion": "weir/v1", "kind": "Topic", "metadata": ["name": "Orders_1"]])
        let topic = try bare.decoded(as: Topic.self)
        #expect(topic.spec == Topic.Spec())
        #expect(topic.status == nil)
        #expect(try Object(topic).content == ["spec": [:]])
        var full = Topic("orders", Topic.Spec(partitions: 3, replicationFactor: 1, config: ["retention.ms": "1"]))
        full.status = Topic.Status(phase: "Ready", partitions: 3, observedGeneration: 1)
        let object = try Object(full)
        #expect(object.key.description == "Topic/default/orders")
        #expect(object.spec == ["partitions": 3, "replicationFactor": 1, "config": ["retention.ms": "1"]])
        #expect(object.status == ["phase": "Ready", "partitions": 3, "observedGeneration": 1])
        #expect(try object.decoded(as: Topic.self).status == full.status)
        #expect(Topic.definition.schema?.problems(in: object) == [])
        #expect(Topic.definition.schema?.pruned(object) == object)
        var wrong = object
        wrong.spec = ["partitions": "3", "config": ["a": 1], "partition": 1]
        #expect(
            Topic.definition.schema?.problems(in: wrong).map(\.field) == ["spec.config.a", "spec.partitions"])
        #expect(Topic.definition.schema?.unknownFields(in: wrong) == ["spec.partition"])
    }

    @Test("every core kind comes back from JSON as it went")
    func roundTrip() throws {
        func check<R: Resource>(_ resource: R) throws {
            let object = try Object(resource)
            #expect(object.objectKind == R.definition.kind)
            #expect(try Object(try object.decoded(as: R.self)) == object)
            #expect(R.definition.schema?.problems(in: object) ?? [] == [])
            #expect(R.definition.schema?.unknownFields(in: object) ?? [] == [])
        }
        let metadata = ObjectMetadata(name: "a", namespace: "default")
        let cluster = ObjectMetadata(name: "a")
        try check(Namespace(metadata: cluster, status: .init(phase: "Active")))
        try check(ConfigMap(metadata: metadata, data: ["a": "b"], binaryData: ["c": "ZA=="], immutable: true))
        try check(Secret(metadata: metadata, type: "Opaque", data: ["a": "Yg=="], stringData: ["c": "d"]))
        try check(ServiceAccount(metadata: metadata, secrets: [ObjectReference(name: "s")]))
        var event = Event(metadata: metadata, involvedObject: ObjectReference(try Object(Topic("orders"))))
        event.firstTimestamp = Timestamp(secondsSince1970: 0)
        event.lastTimestamp = Timestamp(secondsSince1970: 60)
        event.count = 2
        event.source = Event.Source(component: "topics", host: "n1")
        try check(event)
        try check(Topic("orders"))
        try check(
            Partition(
                metadata: metadata, spec: .init(topic: "orders", partition: 0, replicas: [1]),
                status: .init(phase: "Online", leader: 1, inSyncReplicas: [1])))
        try check(
            Node(
                metadata: cluster, spec: .init(id: 1),
                status: .init(
                    phase: "Ready", version: "1", startedAt: Timestamp(secondsSince1970: 5),
                    addresses: [.init(name: "kafka", host: "::1", port: 9092)])))
        try check(
            ComponentObject(
                metadata: cluster, spec: .init(node: "n1", component: "kafka"), status: .init(phase: "Running")))
        try check(
            CustomResourceDefinition(
                spec: .init(
                    group: "example.com", names: .init(kind: "Widget", plural: "widgets"), versions: [.init(name: "v1")]
                )))
    }

    private let widgets: JSONValue = [
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": ["name": "widgets.example.com"],
        "spec": [
            "group": "example.com", "scope": "Cluster",
            "names": [
                "kind": "Widget", "plural": "widgets", "singular": "widget", "shortNames": ["wd"],
                "categories": ["all"],
            ],
            "versions": [
                ["name": "v1alpha1", "served": true, "storage": false],
                [
                    "name": "v1", "served": true, "storage": true, "subresources": ["status": [:]],
                    "schema": [
                        "openAPIV3Schema": [
                            "type": "object",
                            "properties": [
                                "spec": ["type": "object", "properties": ["size": ["type": "integer", "default": 1]]]
                            ],
                        ]
                    ],
                    "additionalPrinterColumns": [
                        ["name": "Size", "type": "integer", "jsonPath": ".spec.size", "priority": 1]
                    ],
                ], ["name": "v0", "served": false, "storage": false],
            ],
        ],
    ]

    @Test("a definition gives the kind in its versions, the stored one first")
    func definition() throws {
        let definition = try Object(widgets).decoded(as: CustomResourceDefinition.self)
        let kinds = try definition.declaredKinds()
        #expect(kinds.map(\.apiVersion) == ["example.com/v1", "example.com/v1alpha1"])
        let stored = try definition.storedKind()
        #expect(stored.kind == ObjectKind(group: "example.com", name: "Widget"))
        #expect(stored.plural == "widgets")
        #expect(stored.singular == "widget")
        #expect(stored.shortNames == ["wd"])
        #expect(stored.scope == .cluster)
        #expect(stored.columns == [KindDefinition.Column("Size", type: "integer", jsonPath: ".spec.size", priority: 1)])
        let object = Object(
            apiVersion: "example.com/v1", kind: "Widget", metadata: ObjectMetadata(name: "a"), content: ["spec": [:]])
        #expect(stored.schema?.defaulted(object).spec == ["size": 1])
        #expect(kinds[1].schema == nil)
    }

    @Test("a definition that is wrong names every field")
    func wrongDefinition() throws {
        var json = widgets
        json["metadata"]?["name"] = "other"
        json["spec"]?["group"] = "weir"
        json["spec"]?["scope"] = "Everywhere"
        json["spec"]?["names"]?["plural"] = "Widgets"
        json["spec"]?["versions"] = [
            [
                "name": "v1", "served": true, "storage": true,
                "schema": ["openAPIV3Schema": ["type": "object", "properties": ["spec": [:]]]],
            ],
            [
                "name": "v1", "served": true, "storage": true,
                "additionalPrinterColumns": [["name": "a", "type": "string", "jsonPath": "spec"]],
            ],
        ]
        let definition = try Object(json).decoded(as: CustomResourceDefinition.self)
        let error = #expect(throws: ObjectError.self) { try definition.declaredKinds() }
        #expect(error?.reason == .invalid)
        #expect(
            error?.causes.map(\.field) == [
                "spec.group", "spec.names.plural", "spec.scope", "metadata.name", "spec.versions[1].name",
                "spec.versions[1].additionalPrinterColumns[0].jsonPath", "spec.versions",
                "spec.versions[0].schema.openAPIV3Schema.properties.spec.type",
            ])
        json["spec"]?["versions"] = []
        let empty = try Object(json).decoded(as: CustomResourceDefinition.self)
        #expect(throws: ObjectError.self) { try empty.storedKind() }
    }
}
