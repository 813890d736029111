/// The name in `names` that a person who typed `name` most likely meant.
///
/// By Levenshtein distance, letters compared without case.
/// - Returns: nil where nothing is near: more than half of the typed letters would have to change.
public func nearestName(to name: String, in names: some Sequence<String>) -> String? {
    let typed = name.lowercased()
    var best: (name: String, distance: Int)?
    for candidate in names {
        let distance = editDistance(typed, candidate.lowercased())
        if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
    }
    guard let best, best.distance <= max(2, typed.utf8.count / 2) else { return nil }
    return best.name
}

/// How many insertions, removals and replacements of a byte turn `left` into `right` (Levenshtein).
///
/// Looks at the first 128 bytes of each: names are shorter, and who sends longer ones waits for nothing.
package func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8.prefix(128))
    let right = Array(right.utf8.prefix(128))
    var row = Array(0...right.count)
    for (line, byte) in left.enumerated() {
        var diagonal = row[0]
        row[0] = line + 1
        for (column, other) in right.enumerated() {
            let replaced = diagonal + (byte == other ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}
