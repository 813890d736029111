// Tells Thread Sanitizer about Swift's `Synchronization.Mutex` on Linux.
//
// An uncontended Mutex is a compare-and-exchange in the program, which the sanitizer sees. A contended
// one is taken and handed over inside the standard library, which is not instrumented, by spinning and
// by the kernel (FUTEX_LOCK_PI). So correct programs are reported as racing. This library, preloaded, says
// what the two slow paths mean (Swift 6.3):
//
//     clang -O2 -shared -fPIC -o .build-tsan/mutex.so Tests/Sanitizers/ThreadSanitizerMutex.c
//     LD_PRELOAD=$PWD/.build-tsan/mutex.so swift test --skip-build --sanitize=thread --scratch-path .build-tsan
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define SELF __attribute__((swift_context)) void *self

// Weak: absent in programs without the sanitizer.
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

typedef __attribute__((swiftcall)) void (*lock_slow)(uint32_t thread, SELF);
typedef __attribute__((swiftcall)) void (*unlock_slow)(SELF);

static lock_slow real_lock;
static unlock_slow real_unlock;

// At load: looking a symbol up takes a lock of its own.
__attribute__((constructor)) static void find(void) {
    real_lock = (lock_slow)dlsym(RTLD_NEXT, LOCK_SLOW);
    real_unlock = (unlock_slow)dlsym(RTLD_NEXT, UNLOCK_SLOW);
}

__attribute__((swiftcall)) void weir_lock_slow(uint32_t thread, SELF) __asm__(LOCK_SLOW);
__attribute__((swiftcall)) void weir_lock_slow(uint32_t thread, SELF) {
    if (!real_lock) find();
    if (!real_lock) abort();
    real_lock(thread, self);
    if (__tsan_acquire) __tsan_acquire(self);
}

__attribute__((swiftcall)) void weir_unlock_slow(SELF) __asm__(UNLOCK_SLOW);
__attribute__((swiftcall)) void weir_unlock_slow(SELF) {
    if (!real_unlock) find();
    if (!real_unlock) abort();
    if (__tsan_release) __tsan_release(self);
    real_unlock(self);
}
