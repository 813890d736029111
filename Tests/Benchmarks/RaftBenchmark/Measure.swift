import Glibc

/// CPU nanoseconds that this process has used.
func cpuNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

/// The fastest of seven runs, in nanoseconds a turn: the others were disturbed.
func measure(_ turns: Int, _ body: () -> Void) -> Double {
    var best = Double.infinity
    for _ in 0..<7 {
        let begin = cpuNanoseconds()
        body()
        best = min(best, (cpuNanoseconds() - begin) / Double(turns))
    }
    return best
}

func report(_ name: String, _ figure: String) {
    print("raft: \(name) = \(figure)")
}

func nanoseconds(_ value: Double) -> String { "\((value * 10).rounded() / 10) ns" }

func microseconds(_ nanoseconds: Double) -> String { "\((nanoseconds / 100).rounded() / 10) us" }

/// How often a second something happens that takes as long.
func perSecond(_ nanoseconds: Double) -> String { "\((1e5 / nanoseconds).rounded() / 100) M" }

/// Bytes of this process that are in memory, after what is free was given back.
func residentBytes() -> Int {
    typealias Trim = @convention(c) (Int) -> Int32
    if let symbol = dlsym(dlopen(nil, RTLD_NOW), "malloc_trim") { _ = unsafeBitCast(symbol, to: Trim.self)(0) }
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
    let fields = line.prefix { $0 != 0 }.split(separator: CChar(UInt8(ascii: " ")))
    let pages = fields[1].reduce(0) { $0 * 10 + Int($1) - Int(UInt8(ascii: "0")) }
    return pages * sysconf(Int32(_SC_PAGESIZE))
}
