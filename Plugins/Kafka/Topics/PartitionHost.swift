public import SegmentLog

/// Who makes, serves and deletes the partitions of topics: what the topic reconciler asks for and waits for.
///
/// Callable from any thread; it is called for one topic at a time, for several topics at once.
public protocol PartitionHost: AnyObject, Sendable {
    /// The partitions that the topic asks for and that are not served here.
    func missingPartitions(of topic: TopicDescription) -> [Range<Int32>]

    /// Makes the logs of the partitions and serves them, and takes the description into use for those
    /// that are served already; returns when they serve.
    ///
    /// Makes all of them or, where it throws, none.
    func create(_ topic: TopicDescription, partitions: Range<Int32>) async throws

    /// Opens partitions whose logs are on disk, recovering them, and serves them. A partition whose log
    /// cannot be opened answers storage errors; it does not keep the others from serving.
    func open(_ topic: TopicDescription, partitions: Range<Int32>) async throws

    /// Stops serving the topic's partitions, answers who waits at them, and deletes their logs; returns
    /// when the names of their folders are free. Does nothing where that was done before.
    func delete(_ topic: TopicDescription) async throws

    /// Deletes a log that no topic claims.
    func discard(_ identity: LogIdentity) async throws

    /// Takes a new configuration into use for the partitions that are served.
    func apply(_ topic: TopicDescription) async
}
