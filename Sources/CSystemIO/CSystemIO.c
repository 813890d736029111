#define _GNU_SOURCE
#include "CSystemIO.h"

ssize_t weir_pread_cached(int descriptor, void *buffer, size_t count, off_t offset) {
    struct iovec vector = {buffer, count};
    return preadv2(descriptor, &vector, 1, offset, RWF_NOWAIT);
}
