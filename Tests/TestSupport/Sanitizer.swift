import Glibc

/// Whether a sanitizer's runtime is in this process, and so in the programs that were built beside it. A few properties of
/// a process do not hold there: its `mlock` locks nothing, and it does not start without /proc.
public enum Sanitizer {
    public static let isActive = dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil
}
