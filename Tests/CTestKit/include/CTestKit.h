#ifndef CTESTKIT_H
#define CTESTKIT_H

#include <spawn.h>

/* Two actions of glibc that its Swift module does not show. Each returns 0 or an error number. */

/* The child closes all descriptors from `first` on. */
int spawn_actions_close_from(posix_spawn_file_actions_t *actions, int first);

/* The child starts in `folder`. */
int spawn_actions_change_folder(posix_spawn_file_actions_t *actions, const char *folder);

#endif
