/// Where a field stands, and in which form, among the versions that its struct can have.
struct FieldVersions {
    /// Versions with the field in either form.
    let present: VersionRange
    /// Versions with the field in its place among the others.
    let inline: VersionRange?
    /// Versions with the field among the tagged ones.
    let tagged: VersionRange?
    /// Versions in which it may be null.
    let nullable: VersionRange?
    /// `true`, `false` or a condition on `version`: whether lengths are compact.
    let compact: String

    /// Nil when no possible version has the field.
    init?(_ field: FieldDefinition, message: MessageDefinition, possible: VersionRange) {
        guard let present = possible.intersection(field.versions) else { return nil }
        self.present = present
        tagged = message.flexibleVersions.flatMap { $0.intersection(present)?.intersection(field.taggedVersions) }
        if let tagged {
            inline = tagged.lowest > present.lowest ? VersionRange(present.lowest, tagged.lowest - 1) : nil
        } else {
            inline = present
        }
        nullable = field.nullableVersions.flatMap { present.intersection($0) }
        switch field.flexibility {
        case .inherited: compact = Self.flexible(message, possible: possible).expression
        case .own(let versions): compact = Self.flexibleText(versions, possible: possible, fallback: nil)
        }
    }

    /// How a struct of `message` tells whether it is flexible: a constant, or a variable and its value.
    static func flexible(
        _ message: MessageDefinition, possible: VersionRange
    ) -> (expression: String, declaration: String?) {
        let text = flexibleText(message.flexibleVersions, possible: possible, fallback: "flexible")
        guard text == "flexible", let versions = message.flexibleVersions else { return (text, nil) }
        let condition = versions.condition(within: possible) ?? "true"
        return (text, "let flexible: Bool = \(condition)")
    }

    private static func flexibleText(_ versions: VersionRange?, possible: VersionRange, fallback: String?) -> String {
        guard let within = versions.flatMap({ possible.intersection($0) }) else { return "false" }
        return within == possible ? "true" : fallback ?? within.condition(within: possible) ?? "true"
    }
}
