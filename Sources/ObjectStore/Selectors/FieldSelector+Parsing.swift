extension FieldSelector: CustomStringConvertible {
    /// Reads kubectl's form: `metadata.name=orders,status.phase!=Ready`. Empty: everything.
    ///
    /// A comma, an equals sign or a backslash of a value stands behind a backslash.
    ///
    /// - Throws: `ObjectError.badRequest`, which says which part is wrong.
    public init(parsing text: String) throws(ObjectError) {
        var requirements: [Requirement] = []
        for term in Self.terms(text) where !term.isEmpty {
            requirements.append(try Requirement(term: term, in: text))
        }
        self.init(requirements)
    }

    /// The form that `init(parsing:)` reads.
    public var description: String {
        requirements.map { "\($0.path)\($0.isEqual ? "=" : "!=")\($0.escapedValue)" }.joined(separator: ",")
    }

    /// The parts between commas, but not those behind a backslash.
    private static func terms(_ text: String) -> [Substring.UnicodeScalarView] {
        var isEscaped = false
        return text[...].unicodeScalars.split(omittingEmptySubsequences: true) { scalar in
            let isEnd = scalar == "," && !isEscaped
            isEscaped = scalar == "\\" && !isEscaped
            return isEnd
        }
    }
}

extension FieldSelector.Requirement {
    fileprivate init(term: Substring.UnicodeScalarView, in text: String) throws(ObjectError) {
        func malformed(_ message: String) -> ObjectError {
            ObjectError(.badRequest, "the field selector '\(text)' has the part '\(Substring(term))': \(message)")
        }
        guard let equals = term.firstIndex(of: "=") else { throw malformed("'=', '==' or '!=' is missing") }
        var path = term[..<equals]
        var value = term[term.index(after: equals)...]
        let isEqual = path.last != "!"
        if !isEqual { path.removeLast() } else if value.first == "=" { value.removeFirst() }
        guard let first = path.first, first != ".", path.last != ".",
            path.allSatisfy({ $0.isASCII && !$0.properties.isWhitespace && $0 != "!" })
        else { throw malformed("a path like status.phase is missing before '='") }
        guard let value = Self.unescaped(value) else {
            throw malformed("'=' and '\\' in a value stand behind a '\\'")
        }
        self.init(String(path), isEqual: isEqual, value)
    }

    private static func unescaped(_ value: Substring.UnicodeScalarView) -> String? {
        var result = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in value {
            switch (isEscaped, scalar) {
            case (true, "\\"), (true, ","), (true, "="): result.append(scalar)
            case (true, _), (false, "="): return nil
            case (false, "\\"): break
            case (false, _): result.append(scalar)
            }
            isEscaped = !isEscaped && scalar == "\\"
        }
        return isEscaped ? nil : String(result)
    }

    fileprivate var escapedValue: String {
        var result = String.UnicodeScalarView()
        for scalar in value.unicodeScalars {
            if scalar == "\\" || scalar == "," || scalar == "=" { result.append("\\") }
            result.append(scalar)
        }
        return String(result)
    }
}
