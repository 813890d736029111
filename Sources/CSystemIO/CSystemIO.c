#define _GNU_SOURCE
#include "CSystemIO.h"

#include <fcntl.h>

ssize_t weir_pread_cached(int descriptor, void *buffer, size_t count, off_t offset) {
    struct iovec vector = {buffer, count};
    return preadv2(descriptor, &vector, 1, offset, RWF_NOWAIT);
}

int weir_reserve(int descriptor, off_t offset, off_t count) {
    return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, offset, count);
}

void weir_name_thread(pthread_t thread, const char *name) {
    pthread_setname_np(thread, name);
}
