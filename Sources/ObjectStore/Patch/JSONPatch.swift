/// Changes to a JSON value, all or none of which are made (JSON Patch, RFC 6902).
public struct JSONPatch: Sendable, Hashable {
    /// One change, or one thing that must hold.
    public enum Operation: Sendable, Hashable {
        /// Sets a member, or inserts an element; `-` is the place behind the last one.
        case add(JSONPointer, JSONValue)
        /// Removes what must be there.
        case remove(JSONPointer)
        /// Replaces what must be there.
        case replace(JSONPointer, JSONValue)
        /// Removes from the first place, and adds at the second.
        case move(from: JSONPointer, to: JSONPointer)
        /// Adds at the second place what is at the first.
        case copy(from: JSONPointer, to: JSONPointer)
        /// Must be there, and equal; numbers by their value.
        case test(JSONPointer, JSONValue)
    }

    /// How many operations there may be.
    public static let operationsMax = 10_000
    /// How much may be copied, in bytes of JSON: copies of copies would grow without end.
    public static let copiedBytesMax = 3 << 20

    /// The operations, in their order.
    public var operations: [Operation]

    /// These operations.
    public init(_ operations: [Operation]) {
        self.operations = operations
    }

    /// Reads the JSON form: an array of operations.
    ///
    /// - Throws: `ObjectError.badRequest`, which says which operation is malformed, and how.
    public init(_ json: JSONValue) throws(ObjectError) {
        guard case .array(let elements) = json else {
            throw ObjectError(.badRequest, "a JSON patch is an array of operations")
        }
        guard elements.count <= Self.operationsMax else {
            throw ObjectError(
                .badRequest, "a JSON patch has \(Self.operationsMax) operations at most, not \(elements.count)")
        }
        var operations: [Operation] = []
        operations.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            operations.append(try Operation(element, at: index))
        }
        self.operations = operations
    }

    /// The value with all of the changes.
    ///
    /// - Throws: `ObjectError.invalid`, which says which operation could not be made, and why.
    public func applied(to value: JSONValue) throws(ObjectError) -> JSONValue {
        var result = value
        var copiedBytes = 0
        for (index, operation) in operations.enumerated() {
            do throws(Refusal) {
                try operation.apply(to: &result, &copiedBytes)
            } catch {
                let cause = ObjectError.Cause(error.pointer.description, error.message)
                throw ObjectError(
                    .invalid, "the patch was not made: operation \(index) (\(operation.name)) at \(cause)",
                    causes: [cause])
            }
        }
        return result
    }

    /// Why one operation cannot be made.
    fileprivate struct Refusal: Error {
        let pointer: JSONPointer
        let message: String

        init(_ pointer: JSONPointer, _ message: String) {
            self.pointer = pointer
            self.message = message
        }
    }
}

extension JSONPatch.Operation {
    fileprivate init(_ json: JSONValue, at index: Int) throws(ObjectError) {
        func malformed(_ message: String) -> ObjectError {
            ObjectError(.badRequest, "operation \(index) of the patch: \(message)")
        }
        func pointer(_ member: String) throws(ObjectError) -> JSONPointer {
            guard let text = json[member]?.stringValue else { throw malformed("'\(member)' must be a string") }
            guard let pointer = JSONPointer(text) else {
                throw malformed("'\(member)' must be a JSON pointer like /spec/size, not '\(text)'")
            }
            return pointer
        }
        func value() throws(ObjectError) -> JSONValue {
            guard let value = json["value"] else { throw malformed("'value' is missing") }
            return value
        }
        guard case .object = json else { throw malformed("must be an object with 'op' and 'path'") }
        guard let name = json["op"]?.stringValue else { throw malformed("'op' must be a string") }
        let path = try pointer("path")
        switch name {
        case "add": self = .add(path, try value())
        case "remove": self = .remove(path)
        case "replace": self = .replace(path, try value())
        case "move": self = .move(from: try pointer("from"), to: path)
        case "copy": self = .copy(from: try pointer("from"), to: path)
        case "test": self = .test(path, try value())
        default: throw malformed("there is no '\(name)': add, remove, replace, move, copy, test")
        }
    }

    fileprivate var name: String {
        switch self {
        case .add: "add"
        case .remove: "remove"
        case .replace: "replace"
        case .move: "move"
        case .copy: "copy"
        case .test: "test"
        }
    }

    fileprivate func apply(
        to document: inout JSONValue, _ copiedBytes: inout Int
    ) throws(JSONPatch.Refusal) {
        switch self {
        case .add(let path, let value): try document.add(value, at: path)
        case .remove(let path): _ = try document.remove(at: path)
        case .replace(let path, let value): try document.replace(at: path, with: value)
        case .move(let from, let path):
            if from.isAbove(path) { throw JSONPatch.Refusal(path, "nothing can be moved into itself") }
            let value = try document.remove(at: from)
            try document.add(value, at: path)
        case .copy(let from, let path):
            guard let value = document[from] else { throw JSONPatch.Refusal(from, "is not there") }
            copiedBytes += value.encoded().count
            guard copiedBytes <= JSONPatch.copiedBytesMax else {
                throw JSONPatch.Refusal(from, "more than \(JSONPatch.copiedBytesMax) bytes would be copied")
            }
            try document.add(value, at: path)
        case .test(let path, let wanted):
            guard let value = document[path] else { throw JSONPatch.Refusal(path, "is not there") }
            guard value.isEqualByValue(to: wanted) else {
                throw JSONPatch.Refusal(path, "is \(value.shortText), not \(wanted.shortText)")
            }
        }
    }
}

extension JSONValue {
    fileprivate mutating func add(_ value: JSONValue, at path: JSONPointer) throws(JSONPatch.Refusal) {
        guard !path.steps.isEmpty else {
            self = value
            return
        }
        try changeParent(of: path, 0) { parent, step throws(JSONPatch.Refusal) in
            switch parent {
            case .object: parent[step] = value
            case .array(var elements):
                parent = .null
                defer { parent = .array(elements) }
                let index = step == "-" ? elements.count : JSONPointer.index(step)
                guard let index, index <= elements.count else {
                    throw JSONPatch.Refusal(path, "is no place in an array of \(elements.count)")
                }
                elements.insert(value, at: index)
            default: throw JSONPatch.Refusal(path, "lies in what is neither an object nor an array")
            }
        }
    }

    fileprivate mutating func remove(at path: JSONPointer) throws(JSONPatch.Refusal) -> JSONValue {
        guard !path.steps.isEmpty else { throw JSONPatch.Refusal(path, "the whole cannot be removed") }
        var removed = JSONValue.null
        try changeParent(of: path, 0) { parent, step throws(JSONPatch.Refusal) in
            switch parent {
            case .object(let members):
                guard let member = members[step] else { throw JSONPatch.Refusal(path, "is not there") }
                removed = member
                parent[step] = nil
            case .array(var elements):
                guard let index = JSONPointer.index(step), index < elements.count else {
                    throw JSONPatch.Refusal(path, "is not there")
                }
                parent = .null
                removed = elements.remove(at: index)
                parent = .array(elements)
            default: throw JSONPatch.Refusal(path, "is not there")
            }
        }
        return removed
    }

    fileprivate mutating func replace(at path: JSONPointer, with value: JSONValue) throws(JSONPatch.Refusal) {
        guard !path.steps.isEmpty else {
            self = value
            return
        }
        try changeParent(of: path, 0) { parent, step throws(JSONPatch.Refusal) in
            switch parent {
            case .object(let members):
                guard members[step] != nil else { throw JSONPatch.Refusal(path, "is not there") }
                parent[step] = value
            case .array(var elements):
                guard let index = JSONPointer.index(step), index < elements.count else {
                    throw JSONPatch.Refusal(path, "is not there")
                }
                parent = .null
                elements[index] = value
                parent = .array(elements)
            default: throw JSONPatch.Refusal(path, "is not there")
            }
        }
    }

    /// Goes to what the last step of a path is in, and changes it there.
    ///
    /// Each level is taken out of its parent while it is changed: what is not shared is not copied.
    private mutating func changeParent(
        of path: JSONPointer, _ depth: Int,
        _ body: (inout JSONValue, String) throws(JSONPatch.Refusal) -> Void
    ) throws(JSONPatch.Refusal) {
        let step = path.steps[depth]
        guard depth < path.steps.count - 1 else { return try body(&self, step) }
        switch self {
        case .object(var members):
            guard var member = members[step] else { throw JSONPatch.Refusal(path, "has nothing above it") }
            self = .null
            members[step] = .null
            try member.changeParent(of: path, depth + 1, body)
            members[step] = member
            self = .object(members)
        case .array(var elements):
            guard let index = JSONPointer.index(step), index < elements.count else {
                throw JSONPatch.Refusal(path, "has nothing above it")
            }
            self = .null
            var element = elements[index]
            elements[index] = .null
            try element.changeParent(of: path, depth + 1, body)
            elements[index] = element
            self = .array(elements)
        default: throw JSONPatch.Refusal(path, "has nothing above it")
        }
    }
}
