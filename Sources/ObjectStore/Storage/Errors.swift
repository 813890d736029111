/// Why a store did not do what was asked of it: a reason for programs, a sentence for people.
///
/// The reasons and status codes are those of Kubernetes' `Status`.
public struct ObjectError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The reason, for programs.
    public struct Reason: Sendable, Hashable {
        /// Kubernetes' word for it.
        public let label: String
        /// The HTTP status that goes with it.
        public let httpStatus: Int
        /// No such object, or no such kind.
        public static let notFound = Reason(label: "NotFound", httpStatus: 404)
        /// An object of that name is there.
        public static let alreadyExists = Reason(label: "AlreadyExists", httpStatus: 409)
        /// The object is not what the caller took it for.
        public static let conflict = Reason(label: "Conflict", httpStatus: 409)
        /// The object is not what its kind wants; `causes` names the fields.
        public static let invalid = Reason(label: "Invalid", httpStatus: 422)
        /// The request makes no sense.
        public static let badRequest = Reason(label: "BadRequest", httpStatus: 400)
        /// The changes asked for are too old to be known: list again, and watch from there.
        public static let expired = Reason(label: "Expired", httpStatus: 410)
        /// The caller may not do that.
        public static let forbidden = Reason(label: "Forbidden", httpStatus: 403)
        /// The store is closed, drains, or cannot write.
        public static let unavailable = Reason(label: "ServiceUnavailable", httpStatus: 503)
        /// The store failed.
        public static let internalError = Reason(label: "InternalError", httpStatus: 500)
    }

    /// A field that is wrong.
    public struct Cause: Sendable, Hashable, CustomStringConvertible {
        /// The field's path: `spec.partitions`, `spec.rules[2].name`.
        public var field: String
        /// What is wrong with it.
        public var message: String

        /// A field and what is wrong with it.
        public init(_ field: String, _ message: String) {
            self.field = field
            self.message = message
        }

        /// `field: message`.
        public var description: String { "\(field): \(message)" }
    }

    /// The reason.
    public var reason: Reason
    /// What, where, and what to do.
    public var message: String
    /// The fields that are wrong, of `.invalid`.
    public var causes: [Cause]

    /// An error with its sentence.
    public init(_ reason: Reason, _ message: String, causes: [Cause] = []) {
        self.reason = reason
        self.message = message
        self.causes = causes
    }

    /// The sentence.
    public var description: String { message }

    /// There is no such object.
    public static func notFound(_ key: ObjectKey) -> ObjectError {
        ObjectError(.notFound, "\(key.kind) '\(key.name)' not found\(place(key))")
    }

    /// An object of that name is there.
    public static func alreadyExists(_ key: ObjectKey) -> ObjectError {
        ObjectError(.alreadyExists, "\(key.kind) '\(key.name)' already exists\(place(key))")
    }

    /// The object is not what the caller took it for.
    public static func conflict(_ key: ObjectKey, _ why: String) -> ObjectError {
        ObjectError(.conflict, "\(key.kind) '\(key.name)'\(place(key)) was not changed: \(why)")
    }

    /// Fields of the object are wrong.
    public static func invalid(_ key: ObjectKey, _ causes: [Cause]) -> ObjectError {
        let list = causes.map(\.description).joined(separator: "; ")
        return ObjectError(.invalid, "\(key.kind) '\(key.name)' is invalid: \(list)", causes: causes)
    }

    /// The changes after `version` are not known any more.
    public static func expired(_ version: ResourceVersion, oldest: ResourceVersion) -> ObjectError {
        ObjectError(
            .expired, "resource version \(version) is too old: changes are known after \(oldest); list again")
    }

    private static func place(_ key: ObjectKey) -> String {
        key.namespace.isEmpty ? "" : " in namespace '\(key.namespace)'"
    }
}
