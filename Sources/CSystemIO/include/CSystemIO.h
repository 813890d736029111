// System calls that Swift's Glibc overlay does not show, or shows only as variadic functions.
#ifndef C_SYSTEM_IO_H
#define C_SYSTEM_IO_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/// Reads at `offset` only what is in the page cache; -1 with EAGAIN where the disk would be waited for.
ssize_t weir_pread_cached(int descriptor, void *buffer, size_t count, off_t offset);

#endif
