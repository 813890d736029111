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

    /// The name at the smallest edit distance from `name`; the first in the alphabet where two are as near.
    ///
    /// Cost: one distance a definition; for error paths.
    func nearest(to name: String) -> String? {
        definitions.map { (name: $0.name, distance: editDistance(name, $0.name)) }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
    }
}
