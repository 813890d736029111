// System calls that Swift's Glibc overlay does not show, or shows only as variadic functions.
#ifndef C_SYSTEM_IO_H
#define C_SYSTEM_IO_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/// Reads at `offset` only what is in the page cache; -1 with EAGAIN where the disk would be waited for.
ssize_t weir_pread_cached(int descriptor, void *buffer, size_t count, off_t offset);

/// Reserves blocks for the range without changing the file's length; -1 sets errno.
int weir_reserve(int descriptor, off_t offset, off_t count);

/// Shows `name` (up to 15 characters) for the thread in ps, top and gdb.
void weir_name_thread(pthread_t thread, const char *name);

#endif
