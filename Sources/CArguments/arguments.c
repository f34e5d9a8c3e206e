#include "CArguments.h"

static int count;
static char **vector;

/* The GNU C library calls every constructor with the arguments of main (elf/dl-init.c, csu/libc-start.c). */
__attribute__((constructor)) static void keep(int argument_count, char **argument_vector, char **environment) {
    (void)environment;
    count = argument_count;
    vector = argument_vector;
}

const char *const *mesh_argument_vector(void) { return count > 0 ? (const char *const *)vector : NULL; }

size_t mesh_argument_count(void) { return count > 0 ? (size_t)count : 0; }
