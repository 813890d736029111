/// Who makes, serves and deletes the partitions of topics: what the catalog asks for and waits for.
///
/// Callable from any thread; the catalog calls it for one topic at a time, for several topics at once.
public protocol PartitionHost: AnyObject, Sendable {
    /// Makes the logs of the partitions and serves them, and takes the description into use for those
    /// that are served already; returns when they serve.
    ///
    /// Where it throws, what it made may stay: the catalog calls `delete` for it.
    func create(_ topic: TopicDescription, partitions: Range<Int32>) async throws

    /// Opens partitions whose logs are on disk, recovering them, and serves them. A partition whose log
    /// cannot be opened answers storage errors; it does not keep the others from serving.
    func open(_ topic: TopicDescription, partitions: Range<Int32>) async throws

    /// Stops serving the topic's partitions, answers who waits at them, and deletes their logs; returns
    /// when the name is free.
    func delete(_ topic: TopicDescription) async throws

    /// Takes a new configuration into use for the partitions that are served.
    func apply(_ topic: TopicDescription) async
}
