import WeirRuntime

/// Setting definitions by name: looks them up, and names the nearest one to a typing error.
struct SettingTable: Sendable {
    /// All definitions, sorted by name.
    let definitions: [SettingDefinition]
    private let positions: [String: Int]

    init(_ definitions: [SettingDefinition]) {
        self.definitions = definitions.sorted { $0.name < $1.name }
        positions = Dictionary(uniqueKeysWithValues: self.definitions.enumerated().map { ($1.name, $0) })
    }

    subscript(name: String) -> SettingDefinition? {
        positions[name].map { definitions[$0] }
    }

    /// The definition of a name that the code itself uses.
    func required(_ name: String) -> SettingDefinition {
        guard let definition = self[name] else { preconditionFailure("the table has no setting \(name)") }
        return definition
    }

    /// The name that somebody may have meant by `name`; nil: none is near. For error paths.
    func nearest(to name: String) -> String? { nearestName(to: name, in: definitions.lazy.map(\.name)) }
}
