import Raft

/// Steps of configuration cases: they change one membership, which is empty at first.
struct ConfigurationCases {
    private enum Command: String {
        case simple
        case enterJoint = "enter-joint"
        case leaveJoint = "leave-joint"
    }

    private var membership = Membership(inflightMessagesMax: 10, inflightBytesMax: 0)

    mutating func run(_ step: CaseStep) -> String {
        let directive = step.parsedDirective
        guard let command = Command(rawValue: directive.command) else { return "unknown command" }
        let operations: [ConfigurationChange.Operation]
        let isAutoLeave: Bool
        do {
            operations = try weir_raft_cases.operations(step.input ?? "")
            isAutoLeave = try directive.value("autoleave").map(parseFlag) ?? false
        } catch {
            return error.text
        }
        var changer = ConfigurationChanger(membership, lastIndex: LogIndex(step.lastIndex ?? 0))
        do throws(ConfigurationError) {
            switch command {
            case .simple: try changer.changeSimply(operations)
            case .enterJoint: try changer.enterJoint(operations, autoLeave: isAutoLeave)
            case .leaveJoint: try changer.leaveJoint()
            }
        } catch {
            // The membership stays as it was.
            return error.description
        }
        membership.change(to: changer)
        return ([membership.configuration.describe()] + membership.statuses.map { $0.describe() })
            .joined(separator: "\n")
    }
}
