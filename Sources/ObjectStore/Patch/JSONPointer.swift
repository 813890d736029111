/// A place in a JSON value (RFC 6901): `/spec/rules/2/name`.
public struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    /// The names and indexes on the way, unescaped; none: the whole value.
    public let steps: [String]

    /// Reads the text; nil where it does not begin with `/`, or has a `~` that is neither `~0` nor `~1`.
    public init?(_ text: String) {
        guard !text.isEmpty else {
            steps = []
            return
        }
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        var steps: [String] = []
        for part in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let step = Self.unescaped(part) else { return nil }
            steps.append(step)
        }
        self.steps = steps
    }

    private static func unescaped(_ part: Substring) -> String? {
        guard part.utf8.contains(UInt8(ascii: "~")) else { return String(part) }
        var step = ""
        var isEscaped = false
        for scalar in part.unicodeScalars {
            switch (isEscaped, scalar) {
            case (true, "0"): step.unicodeScalars.append("~")
            case (true, "1"): step.unicodeScalars.append("/")
            case (true, _): return nil
            case (false, "~"): break
            case (false, _): step.unicodeScalars.append(scalar)
            }
            isEscaped = !isEscaped && scalar == "~"
        }
        return isEscaped ? nil : step
    }

    /// The text.
    public var description: String {
        var text = ""
        for step in steps {
            text += "/"
            for scalar in step.unicodeScalars {
                switch scalar {
                case "~": text += "~0"
                case "/": text += "~1"
                default: text.unicodeScalars.append(scalar)
                }
            }
        }
        return text
    }

    /// Whether the other place lies inside of this one.
    func isAbove(_ other: JSONPointer) -> Bool {
        other.steps.count > steps.count && other.steps.starts(with: steps)
    }

    /// The index that a step is of an array: digits without a zero in front. Nil where it is none.
    static func index(_ step: String) -> Int? {
        let digits = step.utf8
        guard !digits.isEmpty, digits.count <= 10, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            digits.count == 1 || digits.first != 0x30
        else { return nil }
        return Int(step)
    }
}

extension JSONValue {
    /// What is at a place; nil where there is nothing.
    public subscript(pointer: JSONPointer) -> JSONValue? {
        var value = self
        for step in pointer.steps {
            switch value {
            case .object(let members):
                guard let member = members[step] else { return nil }
                value = member
            case .array(let elements):
                guard let index = JSONPointer.index(step), index < elements.count else { return nil }
                value = elements[index]
            default: return nil
            }
        }
        return value
    }
}
