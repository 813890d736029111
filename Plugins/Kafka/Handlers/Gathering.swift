import WeirRuntime
import WorkTracking

/// Asks several partitions on their loops, one hop a loop, and brings their answers home in the order asked.
///
/// `@unchecked Sendable`: confined to `home`; what is sent to a loop is handed over.
final class Gathering<Answer: Sendable>: @unchecked Sendable {
    private typealias Question = @Sendable (@escaping (Answer) -> Void) -> Void

    private let home: any Loop
    private let then: ([Answer]) -> Void
    private var permit: Permit?
    private var answers: [Answer?]
    private var left: Int
    private var questions: [(loop: any Loop, asked: [(slot: Int, question: Question)])] = []

    /// - Parameters:
    ///   - count: How many answers there will be.
    ///   - home: Where `then` is called.
    ///   - permit: Ended when all answers are there.
    init(count: Int, home: any Loop, permit: consuming Permit, then: @escaping ([Answer]) -> Void) {
        self.home = home
        self.then = then
        self.permit = consume permit
        answers = Array(repeating: nil, count: count)
        left = count
    }

    /// Asks a partition for the answer of `slot`; where there is none, `unknown` is the answer.
    func ask(
        _ slot: Int, _ partition: ServedPartition?,
        _ question: @escaping @Sendable (ServedPartition, @escaping (Answer) -> Void) -> Void, unknown: () -> Answer
    ) {
        guard let partition else { return self.answer(slot, unknown()) }
        ask(slot, on: partition.loop) { question(partition, $0) }
    }

    /// Asks something on a loop for the answer of `slot`.
    func ask(
        _ slot: Int, on loop: any Loop, _ question: @escaping @Sendable (@escaping (Answer) -> Void) -> Void
    ) {
        let asked: (Int, Question) = (slot, question)
        if let place = questions.firstIndex(where: { $0.loop === loop }) {
            questions[place].asked.append(asked)
        } else {
            questions.append((loop, [asked]))
        }
    }

    /// Says the answer of `slot`, where nobody needs to be asked.
    func answer(_ slot: Int, _ answer: Answer) {
        answers[slot] = answer
        left -= 1
    }

    /// Sends the questions out.
    func begin() {
        if left == 0 { return finish() }
        for (loop, asked) in questions {
            loop.hop { [self] in
                for (slot, question) in asked {
                    question { [self] answer in
                        home.hop { [self] in settle(slot, answer) }
                    }
                }
            }
        }
        questions = []
    }

    private func settle(_ slot: Int, _ answer: Answer) {
        answers[slot] = answer
        left -= 1
        if left == 0 { finish() }
    }

    private func finish() {
        permit.take()?.end()
        then(answers.compactMap { $0 })
    }
}
