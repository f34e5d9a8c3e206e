import Glibc

/// What this process has used so far, of a machine that others may use too.
struct ProcessUsage {
    /// Seconds of all its threads in user mode.
    let userSeconds: Double
    /// The largest resident set, in MiB.
    let residentMebibytes: Int

    static var now: ProcessUsage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return ProcessUsage(
            userSeconds: Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6,
            residentMebibytes: usage.ru_maxrss / 1024)
    }
}
