extension HardState {
    /// One line for logs and cases, such as `Term:1 Vote:1 Commit:11`.
    public func describe() -> String {
        "Term:\(term.value)" + (vote == .none ? "" : " Vote:\(vote.value)") + " Commit:\(commit.value)"
    }
}

extension SoftState {
    /// One line for logs and cases, such as `Lead:1 State:StateLeader`.
    public func describe() -> String { "Lead:\(leader.value) State:\(role.describe())" }
}

extension Role {
    /// The role's name in etcd's words, such as `StateLeader`.
    public func describe() -> String {
        switch self {
        case .follower: "StateFollower"
        case .candidate: "StateCandidate"
        case .leader: "StateLeader"
        case .preCandidate: "StatePreCandidate"
        }
    }
}

extension ConfigurationState {
    /// One line for people, such as `voters=(1 2)&&(1 2 3) learners_next=(3) autoleave`; ids in hexadecimal.
    public func describe() -> String {
        var text = "voters=\(set(voters))"
        if isJoint { text += "&&\(set(votersOutgoing))" }
        if !learners.isEmpty { text += " learners=\(set(learners))" }
        if !learnersNext.isEmpty { text += " learners_next=\(set(learnersNext))" }
        return autoLeave ? text + " autoleave" : text
    }

    /// All lists, empty ones too, as a snapshot carries them; ids in decimal.
    func describeLists() -> String {
        "Voters:\(list(voters)) VotersOutgoing:\(list(votersOutgoing)) Learners:\(list(learners))"
            + " LearnersNext:\(list(learnersNext)) AutoLeave:\(autoLeave)"
    }

    private func set(_ ids: [ReplicaID]) -> String {
        "(" + ids.map { String($0.value, radix: 16) }.joined(separator: " ") + ")"
    }

    private func list(_ ids: [ReplicaID]) -> String {
        "[" + ids.map { String($0.value) }.joined(separator: " ") + "]"
    }
}
