internal import ObjectStore
internal import WeirPluginABI
internal import WorkTracking

/// Why a host function did not do what it was asked to: a code of weir_plugin.h, and a sentence.
struct CallError: Error {
    var code: Int32
    var message: String

    init(_ code: Int32, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The code and the sentence for what a call threw.
    init(_ error: any Error) {
        switch error {
        case let error as CallError: self = error
        case let error as ObjectError: self.init(Self.code(of: error.reason), error.message)
        case let error as RecordAccessError: self.init(Self.code(of: error.code), error.message)
        case let refusal as WorkRejected:
            self.init(refusal.reason == .draining ? WEIR_DRAINING : WEIR_UNAVAILABLE, refusal.description)
        case is CancellationError: self.init(WEIR_CANCELLED, "the call was cancelled")
        default: self.init(WEIR_FAILED, "\(error)")
        }
    }

    private static func code(of reason: ObjectError.Reason) -> Int32 {
        switch reason {
        case .notFound: WEIR_NOT_FOUND
        case .alreadyExists: WEIR_ALREADY_EXISTS
        case .conflict: WEIR_CONFLICT
        case .invalid, .badRequest: WEIR_INVALID
        case .expired: WEIR_EXPIRED
        case .forbidden: WEIR_FORBIDDEN
        case .unavailable: WEIR_UNAVAILABLE
        default: WEIR_FAILED
        }
    }

    private static func code(of code: RecordAccessError.Code) -> Int32 {
        switch code {
        case .notFound: WEIR_NOT_FOUND
        case .offsetOutOfRange: WEIR_EXPIRED
        case .invalid: WEIR_INVALID
        case .unavailable: WEIR_UNAVAILABLE
        default: WEIR_FAILED
        }
    }
}

/// Reads what plugins hand over, which may be anything.
enum Argument {
    /// Bytes; nil for none.
    static func bytes(_ bytes: weir_bytes, _ name: String, max: Int = Limits.argumentBytesMax) throws(CallError)
        -> [UInt8]?
    {
        guard bytes.size <= max else {
            throw CallError(WEIR_BAD_ARGUMENT, "\(name) is \(bytes.size) bytes long; at most \(max) are taken")
        }
        guard let data = bytes.data else {
            guard bytes.size == 0 else {
                throw CallError(WEIR_BAD_ARGUMENT, "\(name) is NULL, but says it has \(bytes.size) bytes")
            }
            return nil
        }
        return Array(UnsafeBufferPointer(start: data, count: bytes.size))
    }

    /// Text; empty for none.
    static func text(_ bytes: weir_bytes, _ name: String, max: Int = Limits.nameBytesMax) throws(CallError) -> String {
        let raw = try Self.bytes(bytes, name, max: max) ?? []
        guard let text = String(validating: raw, as: UTF8.self) else {
            throw CallError(WEIR_BAD_ARGUMENT, "\(name) is not UTF-8")
        }
        return text
    }

    /// A kind.
    static func kind(_ bytes: weir_bytes) throws(CallError) -> ObjectKind {
        try kind(try text(bytes, "kind"))
    }

    /// A kind.
    static func kind(_ text: String) throws(CallError) -> ObjectKind {
        guard let kind = ObjectKind(pluginText: text) else {
            throw CallError(
                WEIR_BAD_ARGUMENT, "'\(text.prefix(80))' is no kind; write ConfigMap or Widget.example.com")
        }
        return kind
    }

    /// A JSON value.
    static func json(_ bytes: weir_bytes, _ name: String) throws(CallError) -> JSONValue {
        guard let raw = try Self.bytes(bytes, name) else { throw CallError(WEIR_BAD_ARGUMENT, "\(name) is NULL") }
        do {
            return try JSONValue(parsing: raw)
        } catch {
            throw CallError(WEIR_BAD_ARGUMENT, "\(name): \(error)")
        }
    }

    /// An object.
    static func object(_ bytes: weir_bytes) throws(CallError) -> Object {
        let json = try json(bytes, "object")
        do {
            return try Object(json)
        } catch {
            throw CallError(WEIR_BAD_ARGUMENT, "object: \(error.message)")
        }
    }

    /// What a query selects, how many, and from where on.
    static func query(_ bytes: weir_bytes) throws(CallError) -> ListQuery {
        let json = try json(bytes, "query")
        guard let members = json.objectValue else { throw CallError(WEIR_BAD_ARGUMENT, "query is no JSON object") }
        let fields = ManifestFields(members, in: "query.")
        do {
            try fields.refuseOthers(than: ["kind", "namespace", "labels", "fields", "limit", "continue"])
            let kind = try Argument.kind(try fields.text("kind"))
            let labels = try LabelSelector(parsing: try fields.optionalText("labels") ?? "")
            let selected = try FieldSelector(parsing: try fields.optionalText("fields") ?? "")
            let selection = ObjectSelection(
                kind: kind, namespace: try fields.optionalText("namespace"), labels: labels, fields: selected)
            let limit = members["limit"]?.integerValue
            guard members["limit"] == nil || limit.map({ 1...1_000_000 ~= $0 }) == true else {
                throw FieldError(message: "query.limit: it must be a whole number from 1 on")
            }
            return ListQuery(
                selection, limit: limit.map { Int($0) }, continueToken: try fields.optionalText("continue"))
        } catch let error as FieldError {
            throw CallError(WEIR_BAD_ARGUMENT, error.message)
        } catch let error as ObjectError {
            throw CallError(WEIR_BAD_ARGUMENT, error.message)
        } catch let error as CallError {
            throw error
        } catch {
            throw CallError(error)
        }
    }

    /// Which part of an object a write is about.
    static func part(_ number: UInt32) throws(CallError) -> ObjectPart {
        switch Int32(bitPattern: number) {
        case WEIR_PART_MAIN: .main
        case WEIR_PART_STATUS: .status
        default: throw CallError(WEIR_BAD_ARGUMENT, "\(number) is no part of an object; see WEIR_PART_MAIN")
        }
    }

    /// How to delete.
    static func deleteOptions(_ bytes: weir_bytes) throws(CallError) -> DeleteOptions {
        var options = DeleteOptions()
        guard bytes.data != nil else { return options }
        guard let members = try json(bytes, "options").objectValue else {
            throw CallError(WEIR_BAD_ARGUMENT, "options are no JSON object")
        }
        let fields = ManifestFields(members, in: "options.")
        do throws(FieldError) {
            try fields.refuseOthers(than: ["uid", "resourceVersion", "propagationPolicy"])
            options.preconditions.uid = try fields.optionalText("uid")
            if let text = try fields.optionalText("resourceVersion") {
                guard let version = ResourceVersion(text) else {
                    throw FieldError(message: "options.resourceVersion: '\(text)' is none")
                }
                options.preconditions.resourceVersion = version
            }
            if let text = try fields.optionalText("propagationPolicy") {
                guard let propagation = DeleteOptions.Propagation(rawValue: text) else {
                    throw FieldError(message: "options.propagationPolicy: write Background, Foreground or Orphan")
                }
                options.propagation = propagation
            }
        } catch {
            throw CallError(WEIR_BAD_ARGUMENT, error.message)
        }
        return options
    }
}
