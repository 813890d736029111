/// An output in a form that does not depend on how messages to different destinations are interleaved.
///
/// In each block of messages, those to one destination keep their order and stand together: nodes ascending, then
/// the append thread, then the apply thread. A block is what follows a line `Messages:` or `Responses:` at the same
/// depth, or lies within `Responses:[` and its `]`. Everything else stays as it is.
func canonicalForm(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    var result: [Substring] = []
    var place = 0
    while place < lines.count {
        let line = lines[place]
        result.append(line)
        place += 1
        let depth = depth(of: line)
        guard line.dropFirst(depth) == "Messages:" || line.dropFirst(depth) == "Responses:" else { continue }
        let end = endOfBlock(lines, from: place, depth: depth)
        result += sortedBlock(lines[place..<end], depth: depth)
        place = end
    }
    return result.joined(separator: "\n")
}

/// The line that begins a message: how deep, and where to.
private struct MessageHead {
    let depth: Int
    let destination: Destination

    /// Reads `FROM->TO MsgX Term:...`; nil for any other line.
    init?(_ line: Substring) {
        let words = line.drop { $0 == " " }.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, words[1].hasPrefix("Msg"), words[1].count > 3, words[2].hasPrefix("Term:"),
            let arrow = words[0].ranges(of: "->").last, arrow.lowerBound > words[0].startIndex,
            let destination = Destination(words[0][arrow.upperBound...])
        else { return nil }
        depth = weir_raft_cases.depth(of: line)
        self.destination = destination
    }
}

private enum Destination: Comparable {
    case node(UInt64)
    case appendThread
    case applyThread

    init?(_ name: Substring) {
        switch name {
        case "AppendThread": self = .appendThread
        case "ApplyThread": self = .applyThread
        default:
            guard let id = UInt64(name, radix: 16) else { return nil }
            self = .node(id)
        }
    }
}

private func depth(of line: Substring) -> Int {
    line.prefix { $0 == " " }.count
}

/// Where the block ends that may begin at `start`: heads of that depth, deeper lines, and closing brackets.
private func endOfBlock(_ lines: [Substring], from start: Int, depth: Int) -> Int {
    var end = start
    while end < lines.count {
        let line = lines[end]
        let isHead = MessageHead(line)?.depth == depth
        let isContinued = weir_raft_cases.depth(of: line) > depth || line.dropFirst(depth) == "]"
        guard isHead || (end > start && isContinued) else { break }
        end += 1
    }
    return end
}

private func sortedBlock(_ lines: ArraySlice<Substring>, depth: Int) -> [Substring] {
    var messages: [(destination: Destination, lines: [Substring])] = []
    var stray: [Substring] = []
    for line in lines {
        if let head = MessageHead(line), head.depth == depth {
            messages.append((head.destination, [line]))
        } else if messages.isEmpty {
            stray.append(line)
        } else {
            messages[messages.count - 1].lines.append(line)
        }
    }
    // The standard library's sort is stable, though it does not promise it: the place decides where all else is equal.
    let order = messages.indices.sorted {
        (messages[$0].destination, $0) < (messages[$1].destination, $1)
    }
    return stray + order.flatMap { withSortedResponses(messages[$0].lines, depth: depth) }
}

/// Sorts what a message carries between `Responses:[` and `]`.
private func withSortedResponses(_ lines: [Substring], depth: Int) -> [Substring] {
    guard let open = lines.firstIndex(where: { $0.hasSuffix(" Responses:[") }), open < lines.count - 1 else {
        return lines
    }
    return lines[...open] + sortedBlock(lines[(open + 1)..<(lines.count - 1)], depth: depth + 2) + [
        lines[lines.count - 1]
    ]
}
