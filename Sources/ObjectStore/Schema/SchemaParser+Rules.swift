// Bounds and forms.
extension SchemaParser {
    mutating func takeBound(_ name: String, _ value: JSONValue, _ rules: inout SchemaNode.Rules) -> Bool {
        switch name {
        case "minimum": rules.minimum = number(name, value)
        case "maximum": rules.maximum = number(name, value)
        case "exclusiveMinimum": rules.isMinimumExclusive = flag(name, value)
        case "exclusiveMaximum": rules.isMaximumExclusive = flag(name, value)
        case "multipleOf":
            rules.multipleOf = number(name, value)
            if let divisor = rules.multipleOf, divisor <= 0 { refuse(name, "must be above 0") }
        case "minLength": rules.lengthMin = count(name, value)
        case "maxLength": rules.lengthMax = count(name, value)
        case "minItems": rules.itemsMin = count(name, value)
        case "maxItems": rules.itemsMax = count(name, value)
        case "minProperties": rules.propertiesMin = count(name, value)
        case "maxProperties": rules.propertiesMax = count(name, value)
        default: return false
        }
        return true
    }

    mutating func takeForm(_ name: String, _ value: JSONValue, _ rules: inout SchemaNode.Rules) -> Bool {
        switch name {
        case "enum":
            guard case .array(let values) = value, !values.isEmpty else {
                refuse(name, "must be an array with values")
                break
            }
            rules.enumeration = values
        case "pattern":
            guard let text = value.stringValue else {
                refuse(name, "must be a string")
                break
            }
            do throws(PatternError) {
                rules.pattern = try Pattern(text)
            } catch {
                refuse(name, "'\(text)' is no regular expression: \(error.message)")
            }
        case "format":
            // Formats that are not known are for people.
            rules.format = value.stringValue.flatMap(SchemaNode.Format.init)
            if value.stringValue == nil { refuse(name, "must be a string") }
        default: return false
        }
        return true
    }

    mutating func flag(_ name: String, _ value: JSONValue) -> Bool {
        guard case .bool(let flag) = value else {
            refuse(name, "must be true or false")
            return false
        }
        return flag
    }

    mutating func names(_ name: String, _ value: JSONValue) -> [String] {
        let names = value.arrayValue?.compactMap(\.stringValue)
        guard let names, names.count == value.arrayValue?.count else {
            refuse(name, "must be an array of strings")
            return []
        }
        return names
    }

    private mutating func number(_ name: String, _ value: JSONValue) -> Double? {
        switch value {
        case .integer(let number): return Double(number)
        case .number(let number): return number
        default:
            refuse(name, "must be a number")
            return nil
        }
    }

    private mutating func count(_ name: String, _ value: JSONValue) -> Int? {
        guard case .integer(let number) = value, number >= 0 else {
            refuse(name, "must be a whole number from 0")
            return nil
        }
        return Int(number)
    }
}
