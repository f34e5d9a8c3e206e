import Glibc

/// Signals whose default action would end a process at a moment when a plain error is the right answer.
public enum ProcessSignals {
    /// A write beyond the file size limit (`ulimit -f`) fails with EFBIG instead of ending the process by SIGXFSZ.
    ///
    /// Every program that writes files calls this before it writes the first one.
    public static func reportFileSizeLimitAsError() { signal(SIGXFSZ, SIG_IGN) }

    /// Signals that a daemon gives no meaning to do not end it: SIGUSR1 and SIGUSR2, whose default action is to end the
    /// process.
    public static func ignoreUserSignals() {
        signal(SIGUSR1, SIG_IGN)
        signal(SIGUSR2, SIG_IGN)
    }
}
