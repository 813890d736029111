// CRC-32C (Castagnoli), as Kafka's record batches carry it.
#ifndef C_CHECKSUM_H
#define C_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// The CRC-32C of `count` bytes, continued from `crc` (0 to begin).
uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t count);

#endif
