import ObjectStore

/// A note: one object of a kind of our own.
struct Note: Resource {
    static let definition = KindDefinition("notes.example.com/v1", "Note")

    struct Spec: Codable, Sendable {
        var text: String
    }

    var metadata: ObjectMetadata
    var spec: Spec

    init(_ name: String, text: String) {
        metadata = ObjectMetadata(name: name)
        spec = Spec(text: text)
    }

    /// A note whose name the store makes up.
    init(text: String) {
        self.init("", text: text)
        metadata.generateName = "note-"
    }
}

/// How many notes there are: written beside each note, so that half of an addition would show.
struct Notebook: Resource {
    static let definition = KindDefinition("notes.example.com/v1", "Notebook")
    static let name = "notebook"

    struct Spec: Codable, Sendable {
        var noteCount: Int
    }

    var metadata: ObjectMetadata
    var spec: Spec

    init() {
        metadata = ObjectMetadata(name: Self.name)
        spec = Spec(noteCount: 0)
    }
}
