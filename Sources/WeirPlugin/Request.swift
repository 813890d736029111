internal import WeirPluginABI

/// An object to be looked at: something happened to it, or it is time again.
public struct Request: Sendable {
    /// The kind: `Topic`, `Widget.example.com`.
    public let kind: String
    /// The namespace; empty where the kind has none.
    public let namespace: String
    /// The name.
    public let name: String
    /// How often in a row the object's reconcile failed.
    public let failures: Int
    /// The object as JSON; nil: it is gone.
    public let json: [UInt8]?
    /// The reconcile as work: what is called under it is let in while the node drains.
    public let work: Work

    init(_ request: weir_request, _ table: HostTable) {
        kind = String(decoding: request.kind.copied ?? [], as: UTF8.self)
        namespace = String(decoding: request.namespace_.copied ?? [], as: UTF8.self)
        name = String(decoding: request.name.copied ?? [], as: UTF8.self)
        failures = Int(request.failures)
        json = request.object.copied
        work = Work(table: table, operation: request.operation)
    }

    /// Objects, as part of the reconcile.
    public var objects: Objects { work.objects }

    /// Records, as part of the reconcile.
    public var records: Records { work.records }

    /// Whether it should be given up.
    public var isCancelled: Bool { work.isCancelled }

    /// The object as a type; nil: it is gone.
    public func object<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value? {
        try json.map { try JSON.decode(type, $0) }
    }

    /// Where the answer goes that `Answer.later` promised.
    public var completion: Completion { Completion(work: work) }
}

/// Where the answer of a reconcile goes that comes later.
public struct Completion: Sendable {
    let work: Work

    /// The reconcile went well. The second answer of a reconcile throws `badHandle`.
    public func succeed(_ answer: Answer = .done) throws {
        var requeue: UInt64 = 0
        if case .again(let milliseconds) = answer.kind { requeue = milliseconds }
        try complete(WEIR_OK, requeue, "")
    }

    /// The reconcile failed; it is tried again, but for `TerminalFailure`.
    public func fail(_ error: any Error) throws {
        try complete(error is TerminalFailure ? WEIR_TERMINAL : WEIR_FAILED, 0, "\(error)")
    }

    private func complete(_ code: Int32, _ requeue: UInt64, _ message: String) throws {
        let table = work.table
        try table.check(
            Lent.bytes(message) {
                table.pointee.reconcile_complete(table.host, work.operation, code, requeue, $0)
            })
    }
}
