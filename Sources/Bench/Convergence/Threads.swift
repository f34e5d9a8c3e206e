import Foundation
import System

/// Independent jobs on the cores of this machine.
enum Threads {
    /// - Returns: the jobs' values, in order.
    /// - Throws: the error of the first job that failed.
    static func map<Value: Sendable>(_ count: Int, _ job: @Sendable (Int) throws -> Value) throws -> [Value] {
        let results = Guarded([Result<Value, any Error>?](repeating: nil, count: count))
        DispatchQueue.concurrentPerform(iterations: count) { index in
            let result = Result { try job(index) }
            results.withLock { $0[index] = result }
        }
        return try results.withLock { results in try results.compactMap { try $0?.get() } }
    }
}
