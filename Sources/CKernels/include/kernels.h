#ifndef MESH_KERNELS_H
#define MESH_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#endif
