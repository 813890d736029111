extension ApiTable {
    /// What changes topics and their configuration.
    static let topicAdministration: [ApiEntry] = []
}
