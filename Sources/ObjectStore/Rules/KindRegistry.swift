internal import Synchronization
internal import WeirRuntime

/// Which kinds are known, and who admits their objects. From any thread.
final class KindRegistry: Sendable {
    /// Where a kind is known from. Of several the first one counts: core kinds are what they are, and what a
    /// CustomResourceDefinition says goes before what a program's type says.
    enum Origin: Hashable {
        /// Of this package.
        case core
        /// Of the CustomResourceDefinition with this uid.
        case custom(String)
        /// Registered by the program.
        case program
        /// Nowhere: all that is known are its names.
        case unknown
    }

    /// What is known of one kind.
    final class Record: Sendable {
        let definition: KindDefinition
        let admissions: [any Admission]
        let origin: Origin
        /// The definition's, made once; nil: any of the group.
        let apiVersion: String?
        let isNamespaced: Bool
        /// Whether its objects define kinds.
        let isCustomKinds: Bool

        init(_ definition: KindDefinition, _ admissions: [any Admission], _ origin: Origin) {
            self.definition = definition
            self.admissions = admissions
            self.origin = origin
            apiVersion = origin == .unknown ? nil : definition.apiVersion
            isNamespaced = definition.scope == .namespaced
            isCustomKinds = definition.kind == CustomKinds.kind
        }
    }

    /// How many unknown kinds are remembered, in a store that takes any.
    private static let unknownMax = 1_024

    private struct State {
        var core: [ObjectKind: KindDefinition] = [:]
        var custom: [ObjectKind: (definition: KindDefinition, uid: String)] = [:]
        var program: [ObjectKind: KindDefinition] = [:]
        var admissions: [ObjectKind: [any Admission]] = [:]
        /// What counts, of all those.
        var records: [ObjectKind: Record] = [:]
        /// Of kinds of which nothing is known.
        var unknown: [ObjectKind: Record] = [:]
        /// The one that was asked for last: the next call is mostly of the same kind.
        var recent: (kind: ObjectKind, record: Record)?
        var terminatingNamespaces: Set<String> = []

        mutating func settle(_ kind: ObjectKind) {
            unknown[kind] = nil
            recent = nil
            let admissions = admissions[kind] ?? []
            if let definition = core[kind] {
                records[kind] = Record(definition, admissions, .core)
            } else if let (definition, uid) = custom[kind] {
                records[kind] = Record(definition, admissions, .custom(uid))
            } else {
                records[kind] = program[kind].map { Record($0, admissions, .program) }
            }
        }
    }

    private let policy: ObjectStore.KindPolicy
    private let state = Mutex(State())

    init(_ policy: ObjectStore.KindPolicy, _ core: [KindDefinition], _ admissions: [any Admission]) {
        self.policy = policy
        for admission in admissions { register(admission) }
        for definition in core { register(definition, .core) }
    }

    /// What is known of a kind.
    ///
    /// - Throws: `ObjectError.notFound` where the store takes known kinds only, and this is none.
    func record(_ kind: ObjectKind) throws(ObjectError) -> Record {
        let found = state.withLock { state -> Record? in
            if let recent = state.recent, recent.kind == kind { return recent.record }
            guard let record = state.records[kind] ?? (policy == .any ? Self.unknown(kind, &state) : nil) else {
                return nil
            }
            state.recent = (kind, record)
            return record
        }
        if let found { return found }
        let names = state.withLock { $0.records.keys.map(\.description) }.sorted()
        let hint = nearestName(to: kind.description, in: names).map { "; did you mean \($0)?" }
        throw ObjectError(
            .notFound,
            "there is no kind \(kind) here\(hint ?? "; a CustomResourceDefinition makes one")")
    }

    private static func unknown(_ kind: ObjectKind, _ state: inout State) -> Record {
        if let record = state.unknown[kind] { return record }
        let version = kind.group.isEmpty ? "v1" : "\(kind.group)/v1"
        let record = Record(KindDefinition(version, kind.name), state.admissions[kind] ?? [], .unknown)
        if state.unknown.count >= unknownMax { state.unknown = [:] }
        state.unknown[kind] = record
        return record
    }

    /// All kinds, sorted.
    var definitions: [KindDefinition] {
        state.withLock { $0.records.values.map(\.definition) }.sorted { $0.kind < $1.kind }
    }

    /// Takes a kind in, in the place of what was known of it from there.
    func register(_ definition: KindDefinition, _ origin: Origin) {
        state.withLock { state in
            switch origin {
            case .core: state.core[definition.kind] = definition
            case .custom(let uid): state.custom[definition.kind] = (definition, uid)
            case .program, .unknown: state.program[definition.kind] = definition
            }
            state.settle(definition.kind)
        }
    }

    /// Takes in who admits the objects of a kind, beside those who do already.
    func register(_ admission: any Admission) {
        state.withLock { state in
            state.admissions[admission.kind, default: []].append(admission)
            state.settle(admission.kind)
        }
    }

    /// Forgets the kind of a CustomResourceDefinition.
    func remove(custom uid: String) {
        removeCustom { $0 == uid }
    }

    /// Forgets the kinds of all CustomResourceDefinitions but these.
    func removeCustom(except known: Set<String>) {
        removeCustom { !known.contains($0) }
    }

    private func removeCustom(where isGone: (String) -> Bool) {
        state.withLock { state in
            for (kind, custom) in state.custom where isGone(custom.uid) {
                state.custom[kind] = nil
                state.settle(kind)
            }
        }
    }

    /// What of a custom definition's names other kinds of its group have already.
    func collisions(of definition: KindDefinition, uid: String) -> [ObjectError.Cause] {
        let others = state.withLock { state in
            state.records.values.filter { $0.definition.kind.group == definition.kind.group }
        }
        var causes: [ObjectError.Cause] = []
        for other in others where other.origin != .custom(uid) {
            let taken = other.definition
            if taken.kind == definition.kind {
                // A program's type and a custom definition may be of one kind: that is how they meet.
                guard other.origin != .program else { continue }
                causes.append(ObjectError.Cause("spec.names.kind", "there is a kind \(taken.kind) already"))
            }
            let used = Set([taken.plural, taken.singular] + taken.shortNames)
            let fields = [("plural", [definition.plural]), ("singular", [definition.singular])]
            for (field, names) in fields + [("shortNames", definition.shortNames)] {
                for name in names where used.contains(name) {
                    causes.append(ObjectError.Cause("spec.names.\(field)", "'\(name)' is taken by \(taken.kind)"))
                }
            }
        }
        return causes
    }

    // MARK: Namespaces

    /// Whether a namespace is being deleted, so that nothing new may be made in it.
    func isTerminating(namespace: String) -> Bool {
        state.withLock { !$0.terminatingNamespaces.isEmpty && $0.terminatingNamespaces.contains(namespace) }
    }

    func note(namespace: String, isTerminating: Bool) {
        state.withLock { state in
            if isTerminating {
                state.terminatingNamespaces.insert(namespace)
            } else {
                state.terminatingNamespaces.remove(namespace)
            }
        }
    }
}
