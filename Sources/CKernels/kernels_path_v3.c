// The kernels as x86-64-v3 (AVX2) runs them, by name, so that a test reaches this path on any machine that has it.

#define MESH_KERNEL(name) name##_v3
#if defined(__x86_64__)
#define MESH_CLONES __attribute__((target("arch=x86-64-v3")))
#else
#define MESH_CLONES
#endif
#include "kernels.c"

int mesh_has_v3(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#else
    return 1;
#endif
}

int mesh_has_v4(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return 0;
#endif
}
