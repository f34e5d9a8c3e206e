import Glibc
import System

/// Writes that wait while a disk has no room, as an operator can make some.
enum DiskSpace {
    private static let pauseMaximumMilliseconds: UInt32 = 30_000

    /// Runs `write` until it succeeds or fails for another reason than a full disk.
    ///
    /// - Parameters:
    ///   - pauseMilliseconds: before the second try; doubled for each further one.
    ///   - full: called once, when the disk is found full.
    ///   - write: leaves nothing behind if it fails.
    static func waiting(
        pauseMilliseconds: UInt32 = 1000, full: () -> Void = {}, _ write: () throws(FileError) -> Void
    ) throws(FileError) {
        var pause = pauseMilliseconds
        var isFirst = true
        while true {
            do throws(FileError) {
                try write()
                if !isFirst { Output.note("the disk has room again") }
                return
            } catch {
                guard error.isFullDisk else { throw error }
                if isFirst {
                    Output.note("\(error); waiting for room")
                    full()
                }
                isFirst = false
                usleep(pause * 1000)
                pause = min(2 * pause, pauseMaximumMilliseconds)
            }
        }
    }
}
