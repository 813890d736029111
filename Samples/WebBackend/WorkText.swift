import ObjectStore
import WeirRuntime

extension RuntimeSnapshot {
    /// What the back end does at this moment: what `GET /work` answers.
    var json: JSONValue {
        let rows = components.map { component -> JSONValue in
            [
                "name": .string(component.name), "state": .string(component.state.rawValue),
                "inFlight": .integer(Int64(component.counts.inFlight)),
                "sessions": .integer(Int64(component.counts.sessions)),
                "loops": .integer(Int64(component.counts.loops)),
                "started": .integer(Int64(component.counts.started)),
                "failed": .integer(Int64(component.counts.failed)),
                "rejected": .integer(Int64(component.counts.rejected.values.reduce(0, +))),
            ]
        }
        return ["state": .string(state.rawValue), "inFlight": .integer(Int64(inFlight)), "components": .array(rows)]
    }
}
