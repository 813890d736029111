/// A pattern as a tree.
indirect enum PatternNode: Sendable, Equatable {
    /// One character of the set.
    case character(ScalarSet)
    /// A place.
    case condition(PatternCondition)
    /// One after another.
    case sequence([PatternNode])
    /// One of them.
    case choice([PatternNode])
    /// So often; `max` nil: or more.
    case repetition(PatternNode, min: Int, max: Int?)
}

/// Writes a tree out as steps.
struct PatternCompiler {
    private(set) var program: [PatternStep] = []

    mutating func compile(_ node: PatternNode) throws(TextPattern.SyntaxError) {
        switch node {
        case .character(let set): try append(.character(set))
        case .condition(let condition): try append(.require(condition))
        case .sequence(let nodes): for node in nodes { try compile(node) }
        case .choice(let nodes): try compile(choice: nodes)
        case .repetition(let node, let min, let max):
            for _ in 0..<min {
                let size = program.count
                try compile(node)
                // What is empty is so however often it is repeated.
                if program.count == size { break }
            }
            if let max { try compile(node, optional: max - min) } else { try compile(star: node) }
        }
    }

    private mutating func compile(choice nodes: [PatternNode]) throws(TextPattern.SyntaxError) {
        var ends: [Int] = []
        for (index, node) in nodes.enumerated() {
            guard index < nodes.count - 1 else {
                try compile(node)
                break
            }
            let split = program.count
            try append(.split(split + 1, split + 1))
            try compile(node)
            ends.append(program.count)
            try append(.jump(0))
            program[split] = .split(split + 1, program.count)
        }
        for end in ends { program[end] = .jump(program.count) }
    }

    private mutating func compile(star node: PatternNode) throws(TextPattern.SyntaxError) {
        let split = program.count
        try append(.split(split + 1, split + 1))
        try compile(node)
        try append(.jump(split))
        program[split] = .split(split + 1, program.count)
    }

    private mutating func compile(_ node: PatternNode, optional count: Int) throws(TextPattern.SyntaxError) {
        var splits: [Int] = []
        for _ in 0..<count {
            splits.append(program.count)
            try append(.split(0, 0))
            try compile(node)
        }
        for split in splits { program[split] = .split(split + 1, program.count) }
    }

    private mutating func append(_ step: PatternStep) throws(TextPattern.SyntaxError) {
        guard program.count < TextPattern.stepsMax else {
            throw TextPattern.SyntaxError(reason: "its repetitions make it larger than \(TextPattern.stepsMax) steps")
        }
        program.append(step)
    }
}
