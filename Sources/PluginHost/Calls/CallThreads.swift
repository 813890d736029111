internal import Glibc

/// A few threads that call into a plugin, and may be blocked by it for as long as it likes.
///
/// Threads are made when jobs wait and nobody is idle, up to `threadsMax`. They are detached: one that never comes back
/// from the plugin is left alone. The queue is bounded by who submits.
///
/// `@unchecked Sendable`: every stored variable is touched only under `mutex`.
final class CallThreads: @unchecked Sendable {
    typealias Job = @Sendable () -> Void

    private let threadsMax: Int
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wakeUp = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var queue: [Job] = []
    private var head = 0
    private var idleCount = 0
    private var threadCount = 0
    private var isRetired = false

    init(threadsMax: Int) {
        precondition(threadsMax > 0, "without threads no job ever runs")
        self.threadsMax = threadsMax
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(wakeUp, nil)
    }

    deinit {
        // Threads hold the pool, so none is left here.
        pthread_cond_destroy(wakeUp)
        pthread_mutex_destroy(mutex)
        wakeUp.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` on one of the threads, in order of arrival; returns what it returned.
    ///
    /// Never returns where the plugin does not: who waits sets the deadline. Nil where the threads are retired.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
        await withCheckedContinuation { (continuation: CheckedContinuation<Value?, Never>) in
            if !submit({ continuation.resume(returning: body()) }) { continuation.resume(returning: nil) }
        }
    }

    /// Queues a job; false once the threads are retired.
    func submit(_ job: @escaping Job) -> Bool {
        locked {
            guard !isRetired else { return false }
            queue.append(job)
            pthread_cond_signal(wakeUp)
            if queue.count - head > idleCount, threadCount < threadsMax { startThread() }
            return true
        }
    }

    /// Takes no more jobs. Threads end when they have nothing left to do.
    func retire() {
        locked {
            isRetired = true
            pthread_cond_broadcast(wakeUp)
        }
    }

    private func startThread() {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let failure = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<CallThreads>.fromOpaque(context).takeRetainedValue().work()
                return nil
            }, context.toOpaque())
        guard failure == 0 else {
            context.release()
            precondition(threadCount > 0, "the system has no thread for a plugin (errno \(failure))")
            return
        }
        pthread_detach(thread)
        threadCount += 1
    }

    private func work() {
        while let job = next() { job() }
    }

    private func next() -> Job? {
        locked {
            while head == queue.count {
                if isRetired {
                    threadCount -= 1
                    return nil
                }
                idleCount += 1
                pthread_cond_wait(wakeUp, mutex)
                idleCount -= 1
            }
            let job = queue[head]
            queue[head] = {}
            head += 1
            if head == queue.count {
                queue.removeAll(keepingCapacity: true)
                head = 0
            } else if head > 1_024 {
                queue.removeFirst(head)
                head = 0
            }
            return job
        }
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
