import Coordinators
import KafkaWire
import SegmentLog
import WeirRuntime
import WorkTracking

/// One request on its way to a coordinator's loop and back.
///
/// `@unchecked Sendable`: `then` is called on `home` only, the rest is touched on the shard's loop only, to which it is
/// handed over.
final class CoordinatorCall<Machine: CoordinatorMachine>: @unchecked Sendable {
    private let home: any Loop
    private let then: (Result<Machine.Response, CoordinatorRefusal>) -> Void
    private var permit: Permit?
    private var session: Session?

    fileprivate init(
        home: any Loop, permit: consuming Permit,
        then: @escaping (Result<Machine.Response, CoordinatorRefusal>) -> Void
    ) {
        self.home = home
        self.then = then
        self.permit = consume permit
    }

    fileprivate func begin(
        _ request: Machine.Request, at shard: CoordinatorShard<Machine>, of owner: Coordinator<Machine>
    ) {
        let standing = shard.ask(request) { [self] result in
            permit.take()?.end()
            session.take()?.close()
            home.hop { [self] in then(result) }
        }
        guard standing == .parked else { return }
        // It waits for others, perhaps for minutes: nothing that a drain should wait for.
        permit.take()?.end()
        session = owner.openSession()
    }
}

extension Coordinator {
    /// Asks the shard of `key`; `then` is called once, on `home`, which is the caller's loop.
    func ask(
        _ key: String, _ request: Machine.Request, _ admission: Admission, home: any Loop,
        then: @escaping (Result<Machine.Response, CoordinatorRefusal>) -> Void
    ) {
        let shard: Shard
        let call: CoordinatorCall<Machine>
        do throws(CoordinatorRefusal) {
            let permit = try admit(admission)
            switch self.shard(of: key) {
            case .success(let found): shard = found
            case .failure(let refusal):
                permit.end()
                throw refusal
            }
            call = CoordinatorCall(home: home, permit: permit, then: then)
        } catch {
            return then(.failure(error))
        }
        shard.loop.hop { [self] in call.begin(request, at: shard, of: self) }
    }

    /// Asks the shard of `key`, for code that waits. Not for the data path.
    func ask(
        _ key: String, _ request: Machine.Request, _ admission: Admission, home: any Loop
    ) async -> Result<Machine.Response, CoordinatorRefusal> {
        await withCheckedContinuation { continuation in
            home.execute { [self] in
                ask(key, request, admission, home: home) { continuation.resume(returning: $0) }
            }
        }
    }

    /// Asks several shards, one hop a loop; `then` gets the answers in the order of the questions, on `home`.
    func askAll(
        _ questions: [(shard: Result<Shard, CoordinatorRefusal>, request: Machine.Request)], _ admission: Admission,
        home: any Loop,
        then: @escaping ([Result<Machine.Response, CoordinatorRefusal>]) -> Void
    ) {
        let permit: Permit
        do throws(CoordinatorRefusal) {
            permit = try admit(admission)
        } catch {
            return then(questions.map { _ in .failure(error) })
        }
        let gathering = Gathering<Result<Machine.Response, CoordinatorRefusal>>(
            count: questions.count, home: home, permit: permit, then: then)
        for (slot, question) in questions.enumerated() {
            switch question.shard {
            case .failure(let refusal): gathering.answer(slot, .failure(refusal))
            case .success(let shard):
                let request = question.request
                gathering.ask(slot, on: shard.loop) { then in shard.ask(request, then) }
            }
        }
        gathering.begin()
    }
}
