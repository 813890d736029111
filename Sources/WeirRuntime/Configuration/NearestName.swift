/// The name in `names` that a person who typed `name` most likely meant.
///
/// By Levenshtein distance, letters compared without case.
/// - Returns: nil where nothing is near: more than half of the typed letters would have to change.
public func nearestName(to name: String, in names: some Sequence<String>) -> String? {
    let typed = Array(name.lowercased().utf8)
    var best: (name: String, distance: Int)?
    for candidate in names {
        let distance = editDistance(typed, Array(candidate.lowercased().utf8))
        if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
    }
    guard let best, best.distance <= max(2, typed.count / 2) else { return nil }
    return best.name
}

/// How many letters must be inserted, removed or replaced to make `left` into `right`.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var previous = Array(0...right.count)
    for (row, letter) in left.enumerated() {
        var current = [row + 1]
        current.reserveCapacity(right.count + 1)
        for (column, other) in right.enumerated() {
            let replaced = previous[column] + (letter == other ? 0 : 1)
            current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
        }
        previous = current
    }
    return previous[right.count]
}
