import Dispatch
import Foundation
import Synchronization

/// Runs tasks on a thread of its own: what drives a browser and boards must not wait for the rest of the suite, which
/// keeps the common pool busy for minutes.
final class ThreadExecutor: TaskExecutor {
    static let shared = ThreadExecutor()

    private let jobs = Mutex<[UnownedJob]>([])
    private let count = DispatchSemaphore(value: 0)

    private init() {
        let thread = Thread { [self] in
            while true {
                count.wait()
                let job = jobs.withLock { $0.removeFirst() }
                job.runSynchronously(on: asUnownedTaskExecutor())
            }
        }
        thread.name = "browser-tests"
        thread.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        count.signal()
    }
}
