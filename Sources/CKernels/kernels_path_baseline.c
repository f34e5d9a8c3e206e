// The kernels as the base machine runs them, by name, so that a test reaches this path on any machine.

#define MESH_KERNEL(name) name##_baseline
#define MESH_CLONES
#include "kernels.c"
