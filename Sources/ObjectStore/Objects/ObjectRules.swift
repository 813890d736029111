/// The rules that all objects obey, whatever their kind: names, labels, annotations, owners.
///
/// They are Kubernetes' own (`apimachinery/pkg/api/validation`), so that what is stored here could be stored there.
public enum ObjectRules {
    /// How long all annotations of an object may be together, in bytes of names and values.
    public static let annotationBytesMax = 256 << 10
    /// How many finalizers, and how many owners, an object may have.
    public static let referencesMax = 256

    /// What is wrong with metadata of a kind's object that is to be stored; empty: nothing.
    ///
    /// A name must be there by now, also where it was made of `generateName`.
    public static func metadataProblems(
        _ metadata: ObjectMetadata, definition: KindDefinition
    ) -> [ObjectError.Cause] {
        var causes = placeProblems(metadata, definition)
        for (key, value) in metadata.labels.inOrder {
            if let problem = problem(ofLabelName: key) {
                causes.append(.init("metadata.labels", "'\(key)': \(problem)"))
            }
            if let problem = problem(ofLabelValue: value) {
                causes.append(.init("metadata.labels['\(key)']", "'\(value)': \(problem)"))
            }
        }
        causes += annotationProblems(metadata.annotations)
        causes += finalizerProblems(metadata.finalizers)
        causes += ownerProblems(metadata.ownerReferences)
        return causes
    }

    /// What is wrong with an object that is to be stored, apart from its kind's schema; empty: nothing.
    public static func problems(_ object: Object, definition: KindDefinition) -> [ObjectError.Cause] {
        metadataProblems(object.metadata, definition: definition) + contentProblems(object)
    }

    /// What is wrong with the content of an object, whatever its kind; empty: nothing.
    static func contentProblems(_ object: Object) -> [ObjectError.Cause] {
        var causes: [ObjectError.Cause] = []
        let depthMax = JSONLimits.standard.depthMax
        for (name, value) in object.content where value.isDeeper(than: depthMax - 1) {
            causes.append(.init(name, "nests more than \(depthMax) levels deep"))
        }
        return causes
    }

    private static func placeProblems(
        _ metadata: ObjectMetadata, _ definition: KindDefinition
    ) -> [ObjectError.Cause] {
        var causes: [ObjectError.Cause] = []
        if metadata.name.isEmpty {
            causes.append(.init("metadata.name", "is missing: a name, or generateName, is needed"))
        } else if let problem = problem(ofName: metadata.name, definition.nameRule) {
            causes.append(.init("metadata.name", "'\(metadata.name)': \(problem)"))
        }
        switch definition.scope {
        case .namespaced where metadata.namespace.isEmpty:
            causes.append(.init("metadata.namespace", "is missing: \(definition.plural) live in namespaces"))
        case .namespaced:
            if let problem = problem(ofName: metadata.namespace, .dnsLabel) {
                causes.append(.init("metadata.namespace", "'\(metadata.namespace)': \(problem)"))
            }
        case .cluster where !metadata.namespace.isEmpty:
            causes.append(.init("metadata.namespace", "must be empty: \(definition.plural) live in no namespace"))
        case .cluster: break
        }
        return causes
    }

    private static func annotationProblems(_ annotations: [String: String]) -> [ObjectError.Cause] {
        var causes: [ObjectError.Cause] = []
        var bytes = 0
        for (key, value) in annotations.inOrder {
            bytes += key.utf8.count + value.utf8.count
            if let problem = problem(ofLabelName: key) {
                causes.append(.init("metadata.annotations", "'\(key)': \(problem)"))
            }
        }
        if bytes > annotationBytesMax {
            causes.append(.init("metadata.annotations", "have \(bytes) bytes, more than \(annotationBytesMax)"))
        }
        return causes
    }

    private static func finalizerProblems(_ finalizers: [String]) -> [ObjectError.Cause] {
        var causes: [ObjectError.Cause] = []
        if finalizers.count > referencesMax {
            causes.append(.init("metadata.finalizers", "are \(finalizers.count), more than \(referencesMax)"))
        }
        for (index, finalizer) in finalizers.enumerated() {
            guard let problem = problem(ofLabelName: finalizer) else { continue }
            causes.append(.init("metadata.finalizers[\(index)]", "'\(finalizer)': \(problem)"))
        }
        return causes
    }

    private static func ownerProblems(_ owners: [OwnerReference]) -> [ObjectError.Cause] {
        var causes: [ObjectError.Cause] = []
        if owners.count > referencesMax {
            causes.append(.init("metadata.ownerReferences", "are \(owners.count), more than \(referencesMax)"))
        }
        var controllers = 0
        for (index, owner) in owners.enumerated() {
            let path = "metadata.ownerReferences[\(index)]"
            let fields = [
                ("apiVersion", owner.apiVersion), ("kind", owner.kind), ("name", owner.name), ("uid", owner.uid),
            ]
            for (name, value) in fields where value.isEmpty { causes.append(.init("\(path).\(name)", "is missing")) }
            guard owner.controller == true else { continue }
            controllers += 1
            if controllers == 2 { causes.append(.init(path, "only one owner can be the controller")) }
        }
        return causes
    }
}

// Single names and values.
extension ObjectRules {
    /// What is wrong with an object's name; nil: nothing.
    public static func problem(ofName name: String, _ rule: KindDefinition.NameRule) -> String? {
        switch rule {
        case .dnsSubdomain: isDNSSubdomain(name) ? nil : subdomainRule
        case .dnsLabel: isDNSLabel(name) ? nil : "must be 1 to 63 small letters, digits and '-', not '-' at an end"
        case .pathSegment: isPathSegment(name) ? nil : "must be 1 to 253 characters, no '/' and no '%', not '.' or '..'"
        }
    }

    /// What is wrong with the name of a label, an annotation or a finalizer; nil: nothing.
    public static func problem(ofLabelName text: String) -> String? {
        // Most have no '/', and are no trouble.
        if !text.isEmpty, isQualified(text[...]) { return nil }
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return "must have one '/' at most" }
        if parts.count == 2, !isDNSSubdomain(parts[0]) { return "before '/' \(subdomainRule)" }
        let name = parts[parts.count - 1]
        return !name.isEmpty && isQualified(name)
            ? nil : "must be 1 to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
    }

    /// What is wrong with the value of a label; nil: nothing.
    public static func problem(ofLabelValue value: String) -> String? {
        isQualified(value[...])
            ? nil : "must be empty, or up to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
    }

    private static let subdomainRule =
        "must be 1 to 253 small letters, digits, '-' and '.', with a letter or digit at both ends of each part"

    /// Parts of small letters, digits and inner dashes, with points between them (RFC 1123).
    private static func isDNSSubdomain(_ text: some StringProtocol) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        var last = UInt8(ascii: ".")
        for byte in text.utf8 {
            let isPoint = byte == UInt8(ascii: ".")
            // At both ends of a part there is a letter or digit.
            if isPoint || last == UInt8(ascii: ".") {
                guard isSmall(isPoint ? last : byte) else { return false }
            } else {
                guard isSmall(byte) || byte == UInt8(ascii: "-") else { return false }
            }
            last = byte
        }
        return isSmall(last)
    }

    private static func isDNSLabel(_ text: String) -> Bool {
        text.utf8.count <= 63 && isDNSPart(text.utf8)
    }

    private static func isDNSPart<Bytes: BidirectionalCollection>(_ part: Bytes) -> Bool where Bytes.Element == UInt8 {
        guard let first = part.first, let last = part.last, isSmall(first), isSmall(last) else { return false }
        return part.allSatisfy { isSmall($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isQualified(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last else { return true }
        guard text.utf8.count <= 63, isLetterOrDigit(first), isLetterOrDigit(last) else { return false }
        return text.utf8.allSatisfy { byte in
            isLetterOrDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: ".")
        }
    }

    private static func isPathSegment(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count), text != ".", text != ".." else { return false }
        return text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "%") }
    }

    private static func isSmall(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        isSmall(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}

extension [String: String] {
    /// The members by their names.
    fileprivate var inOrder: [(key: String, value: String)] { count < 2 ? Array(self) : sorted { $0.key < $1.key } }
}
