import CArguments
import Glibc

/// A second start of the running program, for settings that a library reads while it is loaded.
public enum ProcessRestart {
    /// Replaces this process by the same program with the same arguments and one more environment variable. The process
    /// keeps its id. Returns only if that is not possible, with the environment as it was: the program then goes on as it is.
    public static func restart(setting name: String, to value: String) {
        guard let arguments = mesh_argument_vector() else { return }
        // The real path and not `/proc/self/exe`, so that the process keeps its name.
        var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        guard readlink("/proc/self/exe", &path, Int(PATH_MAX)) > 0, setenv(name, value, 0) == 0 else { return }
        execv(path, UnsafeRawPointer(arguments).assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self))
        unsetenv(name)
    }
}
