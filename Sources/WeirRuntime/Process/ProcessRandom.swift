/// The kernel's random numbers, for programs that embed the runtime without WeirIO.
public enum ProcessRandom {
    /// Sixty-four bits that nobody can foretell.
    public static func bits() -> UInt64 {
        UInt64.random(in: .min ... .max)
    }
}
