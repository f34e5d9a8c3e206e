#include <sodium.h>
#include <sys/prctl.h>

/* Makes this process not dumpable: no core dump, and no process of the same user may trace it or read its memory. Swift
   does not import prctl itself, which is variadic. Returns 0, or -1 with errno. */
static inline int process_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
