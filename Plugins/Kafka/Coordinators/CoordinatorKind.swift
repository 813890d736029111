import Coordinators
import Logging
import NIOCore
import RecordBatch
import SegmentLog
import WeirRuntime

/// What tells one sort of coordinator from the other: its topic, its machine, and what is done for it elsewhere.
struct CoordinatorKind<Machine: CoordinatorMachine>: Sendable {
    /// The component: `kafka/groups`.
    var component: String
    /// The internal topic.
    var topic: String
    var clock: any Clock
    var logger: Logger
    /// A machine without state, for a log that is led here.
    var makeMachine: @Sendable (any ReplicatedLog) -> Machine
    /// What a machine is told when it has read its log.
    var news: @Sendable (any ReplicatedLog) -> [Machine.Request]
    /// Does what a machine wants done elsewhere. Called on the shard's loop.
    var perform: @Sendable (Machine.Command, CoordinatorShard<Machine>) -> Void

    func time(on loop: any Loop) -> CoordinatorTime {
        CoordinatorTime(now: loop.now, wallMilliseconds: clock.wallMilliseconds)
    }

    /// The records of a step as one batch.
    func batch(
        _ records: ArraySlice<CoordinatorRecord>, of producer: ProducerIdentity?
    ) throws(BatchError) -> ByteBuffer {
        let now = clock.wallMilliseconds
        var builder = RecordBatchBuilder(
            attributes: producer == nil ? [] : .transactional, producerID: producer?.id ?? -1,
            producerEpoch: producer?.epoch ?? -1)
        for record in records { builder.append(timestamp: now, key: record.key, value: record.value) }
        return try builder.build()
    }
}
