#ifndef MESH_ARGUMENTS_H
#define MESH_ARGUMENTS_H

#include <stddef.h>

/// The argument vector with which this process was started, as the C library hands it to `main`: it does not depend on
/// `/proc`. `NULL` where the process was started without one.
const char *const *mesh_argument_vector(void);

/// The number of its elements; 0 where there is none.
size_t mesh_argument_count(void);

#endif
