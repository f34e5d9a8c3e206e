import Glibc

/// Whether a sanitizer's runtime is in this process, and so in the programs that were built beside it. A few properties of
/// a process do not hold there: its `mlock` locks nothing, it does not start without /proc, and the thread sanitizer's does not
/// start under a limit of file sizes.
public enum Sanitizer {
    public static let isActive = dlsym(nil, "__asan_init") != nil || isThreadSanitizer
    public static let isThreadSanitizer = dlsym(nil, "__tsan_init") != nil

    /// How many times as long everything may take.
    public static let slowness: Double = isActive ? 10 : 1
}
