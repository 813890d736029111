/// What the composition root decides about a runtime.
public struct RuntimeConfiguration: Sendable {
    /// Stages and deadlines.
    public var shutdown = ShutdownPlan()
    /// Where signals come from; nil leaves them to the program.
    public var signals: (any SignalSource)? = ProcessSignals()
    /// How long one component may take to start; nil waits for ever.
    public var startLimit: Duration?
    /// Writes the report where the third signal or the watchdog ends the process.
    ///
    /// Called on a plain thread and given 250 ms; must need no pool and no loop.
    public var forcedReport: (@Sendable (ExitReport) -> Void)?
    /// Ends the process when the third signal or the watchdog says so; `_exit` but in tests.
    public var endProcess: @Sendable (Int32) -> Void = Watchdog.processExit
    /// Where SIGQUIT writes the work table; standard error but in tests.
    public var dump: @Sendable (String) -> Void = StandardError.write

    /// The default configuration.
    public init() {}
}
