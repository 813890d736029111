import NIOCore
import Testing

@testable import Coordinators

@Suite("What a step wants done")
struct EffectsTests {
    typealias Step = Effects<GroupResponse, GroupCommand>

    /// Records of these sizes; a cut behind each that is followed by a bar.
    private func step(_ text: String) -> Step {
        var step = Step()
        for word in text.split(separator: " ") {
            guard let size = Int(word) else {
                step.cut()
                continue
            }
            step.records.append(CoordinatorRecord(key: ByteBuffer(repeating: 0, count: size), value: nil))
        }
        return step
    }

    @Test(
        "records are cut only where they may be, into portions that are as large as may be",
        arguments: [
            ("", [0..<0]),
            ("5 5 5", [0..<3]),
            ("100 100", [0..<2]),
            ("1 | 2 | 3 |", [0..<3]),
            ("5 | 5 | 5 | 5", [0..<2, 2..<4]),
            ("| 5 | | 5 | 5", [0..<2, 2..<3]),
            ("50 | 1 | 1", [0..<1, 1..<3]),
            ("1 | 50 50 | 1", [0..<1, 1..<3, 3..<4]),
            ("4 4 | 4 4 | 4", [0..<2, 2..<4, 4..<5]),
        ] as [(String, [Range<Int>])])
    func portions(_ text: String, _ expected: [Range<Int>]) {
        #expect(step(text).portions(sizeBytesMax: 10) == expected)
    }

    @Test("what is added keeps its cuts")
    func append() {
        var whole = step("6 | 6")
        whole.append(step("6 | 6 |"))
        #expect(whole.portions(sizeBytesMax: 10) == [0..<1, 1..<3, 3..<4])
        #expect(whole.cuts == [1, 3, 4])
    }
}
