import Testing

/// Tests that drive the built program. One after another: each starts processes that use every core, and some
/// measure how long an end takes.
@Suite("End to end", .serialized, .enabled(if: Program.isBuilt, "WEIR_BINARY names no program; run `make test`"))
struct EndToEnd {}
