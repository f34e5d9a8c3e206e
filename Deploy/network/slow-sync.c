// Makes a disk slow for one process: loaded before the C library, it holds every fsync and fdatasync up for so many
// milliseconds as SLOW_SYNC_MILLISECONDS says. What is written is as durable as before, only later.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void hold_up(void) {
    const char *text = getenv("SLOW_SYNC_MILLISECONDS");
    long milliseconds = text ? atol(text) : 0;
    struct timespec rest = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&rest, &rest) != 0) {}
}

static int synchronize(const char *name, int descriptor) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    hold_up();
    return next(descriptor);
}

int fsync(int descriptor) { return synchronize("fsync", descriptor); }
int fdatasync(int descriptor) { return synchronize("fdatasync", descriptor); }
