public import ObjectStore
internal import SegmentLog

/// What a `Topic` object must be to be stored: Kafka's rules, whoever writes it.
///
/// Pure but for a look at the topics that are served. Fills in the broker's defaults, and the finalizer that keeps
/// the object until its records are gone. What an update does not touch is not judged again, so that a topic of
/// another version's rules can still be changed and deleted.
public struct TopicAdmission: Admission {
    private let rules: TopicRules
    private let topics: TopicIndex

    /// Rules with a broker's defaults and limits.
    ///
    /// - Parameters:
    ///   - settings: Where defaults come from.
    ///   - nodes: The nodes that can hold replicas.
    ///   - topics: The topics that are served.
    init(settings: LiveSettings, nodes: [Int32], topics: TopicIndex) {
        rules = TopicRules(settings: settings, nodes: nodes)
        self.topics = topics
    }

    init(settings: BrokerSettings, nodes: [Int32], topics: TopicIndex) {
        self.init(settings: LiveSettings(settings), nodes: nodes, topics: topics)
    }

    /// `Topic`.
    public var kind: ObjectKind { TopicObject.kind }

    /// The topic with its defaults filled in; throws `.invalid` with every field that is wrong.
    public func admit(_ object: Object, replacing stored: Object?) throws(ObjectError) -> Object {
        if object.metadata.isBeingDeleted { return object }
        var findings = Findings()
        let admitted =
            if let stored { changed(object, stored, &findings) } else { created(object, &findings) }
        guard findings.causes.isEmpty else { throw .invalid(object.key, findings.causes) }
        return admitted
    }

    /// Throws `.forbidden` for topics that keep the broker's own state; one that could not be made keeps none.
    public func admitDeletion(of stored: Object) throws(ObjectError) {
        guard TopicName.isInternal(stored.metadata.name), TopicStatus.partitions(of: stored) > 0 else { return }
        throw ObjectError(.forbidden, TopicError.deletionOfInternal(stored.metadata.name).message)
    }

    private struct Findings {
        var causes: [ObjectError.Cause] = []

        mutating func add(_ field: String, _ message: String) { causes.append(ObjectError.Cause(field, message)) }

        /// What `body` gives; nil, and a cause more, where it throws.
        mutating func check<Value>(_ field: String, _ body: () throws(TopicError) -> Value) -> Value? {
            do throws(TopicError) {
                return try body()
            } catch {
                add(field, error.message)
                return nil
            }
        }
    }

    private func created(_ object: Object, _ findings: inout Findings) -> Object {
        let metadata = object.metadata
        if metadata.namespace != TopicObject.namespace {
            findings.add(
                "metadata.namespace", "topics are in the namespace '\(TopicObject.namespace)' only, as Kafka has none")
        }
        _ = findings.check("metadata.name") { () throws(TopicError) in
            try rules.checkNewName(metadata.name, in: topics.snapshot())
        }
        var spec = read(object, &findings)
        if let own = rules.settings.coordinators.internalTopic(metadata.name) {
            spec.complete(as: own, nodeCount: rules.nodes.count)
        }
        spec.partitions = findings.check("spec.partitions") { () throws(TopicError) in
            try rules.partitionCount(spec.partitions ?? -1)
        }
        spec.replicationFactor = findings.check("spec.replicationFactor") { () throws(TopicError) in
            try rules.replicationFactor(spec.replicationFactor ?? -1)
        }
        check(spec.config, &findings)
        var admitted = object
        admitted.spec = spec.written(into: object.spec)
        if !metadata.finalizers.contains(TopicObject.finalizer) {
            admitted.metadata.finalizers.append(TopicObject.finalizer)
        }
        return admitted
    }

    private func changed(_ object: Object, _ stored: Object, _ findings: inout Findings) -> Object {
        guard object.spec != stored.spec else { return object }
        let old = TopicSpec(stored.spec)
        var spec = read(object, &findings)
        if let asked = spec.partitions, asked != -1, asked != old.partitions {
            _ = findings.check("spec.partitions") { () throws(TopicError) in
                try rules.checkIncrease(of: object.metadata.name, from: old.partitions ?? 0, to: asked)
            }
        } else {
            spec.partitions = old.partitions
        }
        if let asked = spec.replicationFactor, asked != -1, asked != old.replicationFactor {
            findings.add(
                "spec.replicationFactor",
                "cannot be changed: it is \(old.replicationFactor ?? 1) since the topic was made, not \(asked)")
        } else {
            spec.replicationFactor = old.replicationFactor
        }
        if spec.config != old.config { check(spec.config, &findings) }
        var admitted = object
        admitted.spec = spec.written(into: object.spec)
        return admitted
    }

    /// The spec, with a cause for each member that is not of its type.
    private func read(_ object: Object, _ findings: inout Findings) -> TopicSpec {
        let spec = TopicSpec(object.spec)
        if let json = object.spec, json.objectValue == nil { findings.add("spec", "must be an object") }
        if Self.isGiven(object.spec, "partitions"), spec.partitions == nil {
            findings.add("spec.partitions", "must be a whole number")
        }
        if Self.isGiven(object.spec, "replicationFactor"), spec.replicationFactor == nil {
            findings.add("spec.replicationFactor", "must be a whole number")
        }
        guard Self.isGiven(object.spec, "config"), let config = object.spec?["config"] else { return spec }
        guard let members = config.objectValue else {
            findings.add("spec.config", "must be an object of settings")
            return spec
        }
        for name in members.keys.sorted() where spec.config[name] == nil {
            findings.add(Self.field(name), "must be text, a number, or true or false")
        }
        return spec
    }

    private static func isGiven(_ spec: JSONValue?, _ member: String) -> Bool {
        guard let value = spec?[member] else { return false }
        return value != .null
    }

    private func check(_ config: [String: String], _ findings: inout Findings) {
        let before = findings.causes.count
        for name in config.keys.sorted() {
            do throws(SettingError) {
                _ = try TopicConfiguration.definition(name).parse(config[name] ?? "")
            } catch {
                findings.add(Self.field(name), error.message)
            }
        }
        // Settings that are each right may still contradict each other.
        guard findings.causes.count == before else { return }
        do throws(SettingError) {
            _ = try TopicConfiguration(overrides: config, broker: rules.settings)
        } catch {
            findings.add(Self.field(error.name), error.message)
        }
    }

    private static func field(_ setting: String) -> String { "spec.config[\(setting)]" }
}

extension TopicSpec {
    /// Fills in what is left open for a topic of the broker's own state.
    fileprivate mutating func complete(as topic: InternalTopic, nodeCount: Int) {
        if (partitions ?? -1) == -1 { partitions = topic.partitionCount }
        if (replicationFactor ?? -1) == -1 { replicationFactor = min(topic.replicationFactor, Int16(nodeCount)) }
        config.merge(topic.configs(nodeCount: nodeCount)) { given, _ in given }
    }
}
