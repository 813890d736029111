import HTTPTypes
import ObjectStore
import WorkTracking

/// What an error is answered with: Kubernetes' `Status`, which its clients know.
struct StatusDocument {
    var httpStatus: Int
    var reason: String
    var message: String
    var causes: [ObjectError.Cause] = []
    /// The object that was asked for, where the path names one.
    var subject: Subject?

    /// An object as a path names it.
    struct Subject {
        var name: String
        var plural: String
        var group: String
    }

    /// The answer to an error of a store, of a gate, or of anything else.
    init(_ error: any Error) {
        switch error {
        case let error as ObjectError:
            self.init(error.reason, error.message, error.causes)
        case let error as WorkRejected:
            self.init(.unavailable, "\(error); try again, or ask another node")
        default:
            self.init(.internalError, "\(error)")
        }
    }

    init(_ reason: ObjectError.Reason, _ message: String, _ causes: [ObjectError.Cause] = []) {
        httpStatus = reason.httpStatus
        self.reason = reason.label
        self.message = message
        self.causes = causes
    }

    /// A refusal that no store knows: a method or a content type.
    init(httpStatus: Int, reason: String, message: String) {
        self.httpStatus = httpStatus
        self.reason = reason
        self.message = message
    }

    var json: JSONValue {
        var status: JSONValue = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message),
            "reason": .string(reason), "code": .integer(Int64(httpStatus)),
        ]
        var details: JSONValue = [:]
        if let subject {
            details = ["name": .string(subject.name), "kind": .string(subject.plural), "group": .string(subject.group)]
        }
        // kubectl shows only the causes of what is invalid, so there is always one.
        let isBare = causes.isEmpty && reason == ObjectError.Reason.invalid.label
        let causes = isBare ? [ObjectError.Cause("", message)] : causes
        if !causes.isEmpty {
            details["causes"] = .array(
                causes.map {
                    ["reason": "FieldValueInvalid", "field": .string($0.field), "message": .string($0.message)]
                })
        }
        if details != [:] { status["details"] = details }
        return status
    }

    /// What a deletion that left nothing is answered with.
    static func success(_ object: Object) -> JSONValue {
        [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success",
            "details": [
                "name": .string(object.metadata.name), "kind": .string(object.kind),
                "uid": .string(object.metadata.uid),
            ],
        ]
    }
}

/// A request of the object API that cannot be answered as it is, for a reason that no store knows.
struct ObjectRefusal: Error {
    var document: StatusDocument
    var headers: HTTPFields = [:]
}
