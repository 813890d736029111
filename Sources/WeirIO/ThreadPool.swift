import CSystemIO
import Glibc

/// A few plain threads that take jobs from one queue, in order of arrival.
///
/// Threads are made when jobs wait and nobody is idle, up to `threadsMax`, and live until `shutdown`.
/// The queue is not bounded here: who submits bounds it (a log has one sync under way at a time, a
/// connection one read).
///
/// `@unchecked Sendable`: every stored variable is touched only under `mutex`.
final class ThreadPool: @unchecked Sendable {
    typealias Job = @Sendable () -> Void

    let name: String
    let threadsMax: Int
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wakeUp = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var queue: [Job] = []
    private var head = 0
    private var idleCount = 0
    private var startingCount = 0
    private var threads: [pthread_t] = []
    private var isStopping = false

    init(name: String, threadsMax: Int) {
        precondition(threadsMax > 0, "a pool without threads never runs a job")
        self.name = name
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

    /// Queues the jobs, which may run side by side. False, and none is taken, once shutdown began.
    func submit(_ jobs: [Job]) -> Bool {
        locked {
            guard !isStopping else { return false }
            queue.append(contentsOf: jobs)
            for _ in 0..<min(idleCount, jobs.count) { pthread_cond_signal(wakeUp) }
            // Threads that were woken or made but do not run yet will take a job each.
            let uncovered = queue.count - head - idleCount - startingCount
            for _ in 0..<max(0, min(uncovered, threadsMax - threads.count)) { startThread() }
            return true
        }
    }

    /// Takes no more jobs, runs those it has, and returns when every thread has ended.
    ///
    /// Blocks; never called by one of the pool's own threads.
    func shutdown() {
        let ended: [pthread_t] = locked {
            isStopping = true
            pthread_cond_broadcast(wakeUp)
            defer { threads = [] }
            return threads
        }
        for thread in ended { pthread_join(thread, nil) }
    }

    private func startThread() {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let failure = pthread_create(
            &thread, nil,
            { context in
                Unmanaged<ThreadPool>.fromOpaque(context!).takeRetainedValue().work()
                return nil
            }, context.toOpaque())
        guard failure == 0 else {
            context.release()
            precondition(!threads.isEmpty, "the system has no thread for the pool \(name) (errno \(failure))")
            return
        }
        weir_name_thread(thread, "\(name)-\(threads.count)")
        threads.append(thread)
        startingCount += 1
    }

    private func work() {
        locked { startingCount -= 1 }
        while let job = next() { job() }
    }

    private func next() -> Job? {
        locked {
            while head == queue.count {
                if isStopping { return nil }
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
            } else if head > 1024 && head * 2 > queue.count {
                queue.removeFirst(head)
                head = 0
            }
            return job
        }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
