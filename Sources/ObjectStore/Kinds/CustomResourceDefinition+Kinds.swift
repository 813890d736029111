extension CustomResourceDefinition {
    /// The kind in each of its served versions, the stored one first, whether it is served or not.
    ///
    /// - Throws: `ObjectError.invalid`, which names every field that is wrong.
    public func declaredKinds() throws(ObjectError) -> [KindDefinition] {
        var causes = nameProblems() + versionProblems()
        var kinds: [KindDefinition] = []
        for (index, version) in spec.versions.enumerated() where version.served || version.storage {
            do throws(ObjectError) {
                let kind = try declaredKind(version)
                kinds.insert(kind, at: version.storage ? 0 : kinds.count)
            } catch {
                let path = "spec.versions[\(index)].schema.openAPIV3Schema"
                let found = error.causes.isEmpty ? [ObjectError.Cause("", error.message)] : error.causes
                causes += found.map { .init($0.field.isEmpty ? path : "\(path).\($0.field)", $0.message) }
            }
        }
        guard causes.isEmpty else {
            let key = ObjectKey(Self.definition.kind, namespace: "", name: metadata.name)
            throw .invalid(key, causes)
        }
        return kinds
    }

    /// The kind in the version that its objects are stored in.
    ///
    /// - Throws: `ObjectError.invalid`, which names every field that is wrong.
    public func storedKind() throws(ObjectError) -> KindDefinition {
        // A stored version is there, and first, where nothing is wrong.
        try declaredKinds()[0]
    }

    private func declaredKind(_ version: Version) throws(ObjectError) -> KindDefinition {
        var schema: StructuralSchema?
        if let json = version.schema?.openAPIV3Schema { schema = try StructuralSchema(parsing: json) }
        var kind = KindDefinition(
            "\(spec.group)/\(version.name)", spec.names.kind, plural: spec.names.plural,
            shortNames: spec.names.shortNames ?? [], scope: KindDefinition.Scope(rawValue: spec.scope) ?? .namespaced,
            schema: schema,
            columns: (version.additionalPrinterColumns ?? []).map {
                KindDefinition.Column($0.name, type: $0.type, jsonPath: $0.jsonPath, priority: $0.priority ?? 0)
            })
        if let singular = spec.names.singular, !singular.isEmpty { kind.singular = singular }
        return kind
    }

    private func nameProblems() -> [ObjectError.Cause] {
        var causes: [ObjectError.Cause] = []
        func check(_ field: String, _ name: String, _ rule: KindDefinition.NameRule) {
            if let problem = ObjectRules.problem(ofName: name, rule) {
                causes.append(.init(field, "'\(name)': \(problem)"))
            }
        }
        check("spec.group", spec.group, .dnsSubdomain)
        if !spec.group.contains(".") {
            causes.append(.init("spec.group", "'\(spec.group)': must be a domain name, with a '.'"))
        }
        check("spec.names.plural", spec.names.plural, .dnsLabel)
        if let singular = spec.names.singular, !singular.isEmpty { check("spec.names.singular", singular, .dnsLabel) }
        for (index, name) in (spec.names.shortNames ?? []).enumerated() {
            check("spec.names.shortNames[\(index)]", name, .dnsLabel)
        }
        check("spec.names.kind", spec.names.kind.lowercased(), .dnsLabel)
        if KindDefinition.Scope(rawValue: spec.scope) == nil {
            causes.append(.init("spec.scope", "'\(spec.scope)': must be Namespaced or Cluster"))
        }
        if metadata.name != "\(spec.names.plural).\(spec.group)" {
            causes.append(.init("metadata.name", "must be '\(spec.names.plural).\(spec.group)': plural and group"))
        }
        return causes
    }

    private func versionProblems() -> [ObjectError.Cause] {
        var causes: [ObjectError.Cause] = []
        var names: Set<String> = []
        for (index, version) in spec.versions.enumerated() {
            let path = "spec.versions[\(index)]"
            if let problem = ObjectRules.problem(ofName: version.name, .dnsLabel) {
                causes.append(.init("\(path).name", "'\(version.name)': \(problem)"))
            }
            if !names.insert(version.name).inserted {
                causes.append(.init("\(path).name", "'\(version.name)' stands there twice"))
            }
            for (place, column) in (version.additionalPrinterColumns ?? []).enumerated()
            where column.jsonPath.first != "." {
                causes.append(
                    .init("\(path).additionalPrinterColumns[\(place)].jsonPath", "must begin with '.', like .spec.size")
                )
            }
        }
        let storedCount = spec.versions.count(where: \.storage)
        if storedCount != 1 {
            causes.append(.init("spec.versions", "one of them must be the stored one, not \(storedCount)"))
        }
        return causes
    }
}
