#include "kernels.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MESH_THREAD_SANITIZER
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#endif
#endif

void mesh_lock_taken(const void *lock) {
#ifdef MESH_THREAD_SANITIZER
    __tsan_acquire((void *)lock);
#else
    (void)lock;
#endif
}

void mesh_lock_given_back(const void *lock) {
#ifdef MESH_THREAD_SANITIZER
    __tsan_release((void *)lock);
#else
    (void)lock;
#endif
}
