import CSodium
import Glibc

/// Keeps what a process holds in memory to itself. Programs that hold keys or other secrets call it first.
public enum ProcessSecrecy {
    /// Forbids core dumps twice over (`RLIMIT_CORE` 0, `PR_SET_DUMPABLE` 0), and tracing and reading of this process's memory
    /// by other processes of its user. Children inherit the limit.
    ///
    /// - Returns: what failed, for people; nil where nothing did.
    public static func enter() -> String? {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        guard setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) == 0 else {
            return "core dumps cannot be forbidden: setrlimit failed: \(String(cString: strerror(errno)))"
        }
        guard process_forbid_dumps() == 0 else {
            return "memory cannot be kept from other processes: prctl failed: \(String(cString: strerror(errno)))"
        }
        return nil
    }
}
