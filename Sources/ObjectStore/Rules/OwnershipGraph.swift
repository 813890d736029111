/// Who owns whom, and what is to be looked at again because of what changed: the garbage collector's machine.
///
/// It holds the objects that have owners, and those that are being deleted and wait for the collector. Whether an
/// owner is there is never read from here but from the store, when an object is looked at: what is remembered may be
/// old, and a deletion cannot be taken back.
struct OwnershipGraph {
    /// Something to look at.
    enum Item: Hashable, Sendable {
        /// An object with owners, by its uid: are they there?
        case dependent(String)
        /// An object that is being deleted and waits for others, by its uid: are those gone?
        case closing(String)
    }

    /// An object that waits for others to go.
    struct Closing: Sendable, Equatable {
        var key: ObjectKey
        /// What it contains; nil where it is no container.
        var contents: ObjectSelection?
    }

    private struct Dependent {
        var key: ObjectKey
        var owners: [OwnerReference]
    }

    private var dependents: [String: Dependent] = [:]
    private var byOwner: [String: Set<String>] = [:]
    private var closings: [String: Closing] = [:]
    private var queue: [Item] = []
    private var queued: Set<Item> = []

    /// Whether there is nothing to look at.
    var isSettled: Bool { queue.isEmpty }

    /// Takes in an object as it is now.
    mutating func observe(_ object: Object) {
        let uid = object.metadata.uid
        let before = dependents[uid]?.owners ?? []
        let owners = object.metadata.ownerReferences
        if owners != before {
            setOwners(owners, of: uid, object.key, before)
            if !owners.isEmpty { add(.dependent(uid)) }
            for owner in before where !owners.contains(where: { $0.uid == owner.uid }) { touchClosing(owner.uid) }
        }
        guard Self.waitsForOthers(object) else {
            closings[uid] = nil
            return
        }
        closings[uid] = Closing(key: object.key, contents: ContentsRules.selection(of: object))
        add(.closing(uid))
    }

    /// Takes out an object that was removed.
    mutating func remove(_ object: Object) {
        let uid = object.metadata.uid
        let owners = dependents[uid]?.owners ?? object.metadata.ownerReferences
        setOwners([], of: uid, object.key, owners)
        closings[uid] = nil
        for owner in owners { touchClosing(owner.uid) }
        for dependent in byOwner[uid] ?? [] { add(.dependent(dependent)) }
        for (container, closing) in closings where closing.contents?.matches(object) == true {
            add(.closing(container))
        }
    }

    /// What to look at next; nil where all is as it should be.
    mutating func next() -> Item? {
        guard !queue.isEmpty else { return nil }
        let item = queue.removeLast()
        queued.remove(item)
        return item
    }

    /// Up to `countMax` things to look at.
    mutating func next(_ countMax: Int) -> [Item] {
        var items: [Item] = []
        while items.count < countMax, let item = next() { items.append(item) }
        return items
    }

    /// Has something looked at, again or for the first time.
    mutating func add(_ item: Item) {
        guard queued.insert(item).inserted else { return }
        queue.append(item)
    }

    /// Has the dependents of an object looked at.
    mutating func addDependents(of uid: String) {
        for dependent in byOwner[uid] ?? [] { add(.dependent(dependent)) }
    }

    /// The key of an object with owners; nil where it is gone.
    func key(ofDependent uid: String) -> ObjectKey? { dependents[uid]?.key }

    /// An object that waits for others; nil where it does no more.
    func closing(_ uid: String) -> Closing? { closings[uid] }

    /// The objects that name this one as an owner.
    func dependents(of uid: String) -> [(uid: String, key: ObjectKey)] {
        (byOwner[uid] ?? []).compactMap { uid in dependents[uid].map { (uid, $0.key) } }
    }

    /// Whether objects are left that keep this one, which is deleted in the foreground.
    func isBlocked(_ uid: String) -> Bool {
        (byOwner[uid] ?? []).contains { dependent in
            dependents[dependent]?.owners.contains { $0.uid == uid && $0.blockOwnerDeletion == true } ?? false
        }
    }

    private mutating func setOwners(
        _ owners: [OwnerReference], of uid: String, _ key: ObjectKey, _ before: [OwnerReference]
    ) {
        for owner in before {
            byOwner[owner.uid]?.remove(uid)
            if byOwner[owner.uid]?.isEmpty == true { byOwner[owner.uid] = nil }
        }
        for owner in owners { byOwner[owner.uid, default: []].insert(uid) }
        dependents[uid] = owners.isEmpty ? nil : Dependent(key: key, owners: owners)
    }

    private mutating func touchClosing(_ uid: String) {
        if closings[uid] != nil { add(.closing(uid)) }
    }

    private static func waitsForOthers(_ object: Object) -> Bool {
        object.metadata.isBeingDeleted
            && object.metadata.finalizers.contains {
                $0 == Finalizers.foreground || $0 == Finalizers.orphan || $0 == Finalizers.contents
            }
    }
}

/// What becomes of an object with owners, once it was looked up which of them are there.
enum OwnershipVerdict: Equatable {
    /// It stays as it is.
    case keep
    /// It stays, but without these owners, by uid.
    case disown(Set<String>)
    /// It goes.
    case delete(DeleteOptions.Propagation)

    /// How an owner was found.
    enum OwnerState: Equatable {
        /// It is there.
        case present
        /// It is being deleted, and waits for its dependents to go first.
        case waiting
        /// It is gone, or never was.
        case absent
    }

    /// Judges an object: it goes when no owner is left that stays, as in Kubernetes.
    ///
    /// - Parameter hasDependents: Whether others name the object as their owner: then, in a deletion from the owner
    ///   up, they go before it.
    init(_ object: Object, owners: [String: OwnerState], hasDependents: Bool) {
        let references = object.metadata.ownerReferences
        let going = references.filter { owners[$0.uid] != .present && owners[$0.uid] != nil }
        if references.isEmpty || going.isEmpty || object.metadata.isBeingDeleted {
            self = .keep
        } else if going.count < references.count {
            self = .disown(Set(going.map(\.uid)))
        } else {
            let isWaitedFor = going.contains { owners[$0.uid] == .waiting }
            self = .delete(isWaitedFor && hasDependents ? .foreground : .background)
        }
    }
}
