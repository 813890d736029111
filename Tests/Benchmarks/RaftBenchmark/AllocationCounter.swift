import Glibc

private typealias Allocate = @convention(c) (UnsafeRawPointer?, Int, Int) -> UnsafeMutableRawPointer?

// Touched by the one thread of this program.
nonisolated(unsafe) private var allocationCount = 0
nonisolated(unsafe) private var allocate: Allocate?

/// How many objects and arrays the body allocates, by the hook that Swift's runtime has for instruments; nil where
/// this runtime has none.
func countAllocations(_ body: () -> Void) -> Int? {
    let program = dlopen(nil, RTLD_NOW)
    let flagName = "_swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly"
    guard let hook = dlsym(program, "_swift_allocObject"), let flag = dlsym(program, flagName) else { return nil }
    let function = hook.assumingMemoryBound(to: Allocate.self)
    let isEnabled = flag.assumingMemoryBound(to: Bool.self)
    let original = function.pointee
    allocate = original
    allocationCount = 0
    function.pointee = { type, size, alignment in
        allocationCount &+= 1
        return allocate.unsafelyUnwrapped(type, size, alignment)
    }
    isEnabled.pointee = true
    body()
    isEnabled.pointee = false
    function.pointee = original
    return allocationCount
}
