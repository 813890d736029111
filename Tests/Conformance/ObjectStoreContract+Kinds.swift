import ObjectStore

extension ObjectStoreContract {
    static let kinds = [
        ContractCheck("kinds that nobody knows are refused, with the one that was meant") { storage in
            let store = store(over: storage, kinds: .known)
            let error = try await expect(.notFound, "a create") {
                try await store.create(
                    Object(apiVersion: "weir/v1", kind: "Topci", metadata: ObjectMetadata(name: "t")))
            }
            try expect(error.message.contains("Topic"), "the sentence '\(error)' does not say what was meant")
            try await expect(.notFound, "a list") {
                try await store.list(ListQuery(ObjectSelection(kind: Sample.widget)))
            }
        },
        ContractCheck("a CustomResourceDefinition makes a kind, in every store that reads it") { storage in
            let store = store(over: storage, kinds: .known)
            let made = try await store.create(definition())
            let conditions = made.status?["conditions"]?.arrayValue ?? []
            let established = conditions.first { $0["type"] == "Established" }
            try expect(established?["status"], is: "True", "the condition Established")
            let widget = try await store.create(Sample.object("one", uid: "", size: 1))
            let other = ObjectStoreContract.store(over: storage, kinds: .known)
            try await expect(.notFound, "a read of another store, before") { try await other.get(widget.key) }
            try await other.loadKinds()
            try expect(try await other.get(widget.key), is: widget, "the object in another store")
        },
        ContractCheck("a kind's schema fills in, drops and refuses, and names the field") { storage in
            let store = store(over: storage, kinds: .known)
            _ = try await store.create(definition())
            var widget = Sample.object("one", uid: "", size: 1)
            widget.spec = ["size": 3, "nobody": "knows"]
            let made = try await store.create(widget)
            try expect(made.spec, is: ["size": 3, "color": "red"], "the spec")
            let error = try await expect(.invalid, "a bad update") { try await store.update(made.with(size: 0), .main) }
            try expect(error.causes.map(\.field), is: ["spec.size"], "the fields")
        },
        ContractCheck("a definition whose names are taken is refused") { storage in
            let store = store(over: storage, kinds: .known)
            _ = try await store.create(definition())
            var other = definition(kind: "Other", plural: "others")
            other.spec?["names"]?["shortNames"] = ["wd"]
            let error = try await expect(.invalid, "the second one") { try await store.create(other) }
            try expect(error.causes.map(\.field), is: ["spec.names.shortNames"], "the fields")
        },
        ContractCheck("objects of a kind without namespaces have none") { storage in
            let store = store(over: storage, kinds: .known)
            let node = Object(
                apiVersion: "v1", kind: "Namespace", metadata: ObjectMetadata(name: "n", namespace: "default"))
            let error = try await expect(.invalid, "a create") { try await store.create(node) }
            try expect(error.causes.map(\.field), is: ["metadata.namespace"], "the fields")
        },
    ]

    private static func definition(kind: String = "Widget", plural: String = "widgets") -> Object {
        let schema: JSONValue = [
            "type": "object",
            "properties": [
                "spec": [
                    "type": "object",
                    "properties": [
                        "size": ["type": "integer", "minimum": 1], "color": ["type": "string", "default": "red"],
                    ],
                ],
                "status": ["type": "object", "x-kubernetes-preserve-unknown-fields": true],
            ],
        ]
        return Object(
            apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition",
            metadata: ObjectMetadata(name: "\(plural).example.com"),
            content: [
                "spec": [
                    "group": "example.com", "scope": "Namespaced",
                    "names": [
                        "kind": .string(kind), "plural": .string(plural), "singular": .string(kind.lowercased()),
                        "shortNames": ["wd"],
                    ],
                    "versions": [
                        ["name": "v1", "served": true, "storage": true, "schema": ["openAPIV3Schema": schema]]
                    ],
                ]
            ])
    }
}
