// CRC-32C (Castagnoli), as Kafka's record batches carry it.
#ifndef C_CHECKSUM_H
#define C_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// The CRC-32C of `count` bytes, continued from `crc` (0 to begin), by the fastest way that the processor has.
uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The same by tables, for processors without the instruction and for tests.
uint32_t weir_crc32c_table(uint32_t crc, const void *bytes, size_t count);

/// Whether `weir_crc32c` uses the processor's instruction.
int weir_crc32c_is_hardware(void);

#endif
