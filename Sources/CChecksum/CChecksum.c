#include "CChecksum.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HARDWARE __attribute__((target("sse4.2")))
#define STEP64(crc, word) ((uint32_t)_mm_crc32_u64((crc), (word)))
#define STEP8(crc, byte) _mm_crc32_u8((crc), (byte))
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <sys/auxv.h>
#define HARDWARE __attribute__((target("crc")))
#define STEP64(crc, word) __crc32cd((crc), (word))
#define STEP8(crc, byte) __crc32cb((crc), (byte))
#endif

// The reversed Castagnoli polynomial (RFC 3720, appendix B.4).
#define POLYNOMIAL 0x82F63B78u

// Bytes of each of three streams that are worked on at once; the instruction takes three cycles, and one can begin
// in each. Powers of two, so that their shift operators come from squaring.
#define LONG_BLOCK 4096
#define SHORT_BLOCK 256

static uint32_t tables[8][256];
static uint32_t shift_long[4][256], shift_short[4][256];
static int is_hardware;

static uint32_t times(const uint32_t *matrix, uint32_t vector) {
    uint32_t sum = 0;
    for (; vector; vector >>= 1, matrix++)
        if (vector & 1) sum ^= *matrix;
    return sum;
}

// The operator that `count` zero bytes (a power of two) apply to a CRC, as tables a byte.
static void make_shift(uint32_t table[4][256], size_t count) {
    uint32_t matrix[32], squared[32];
    for (int bit = 0; bit < 32; bit++) {
        uint32_t crc = 1u << bit;
        for (int step = 0; step < 8; step++) crc = (crc >> 1) ^ (POLYNOMIAL & -(crc & 1));
        matrix[bit] = crc;
    }
    for (size_t bytes = 1; bytes < count; bytes *= 2) {
        for (int bit = 0; bit < 32; bit++) squared[bit] = times(matrix, matrix[bit]);
        memcpy(matrix, squared, sizeof matrix);
    }
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t value = 0; value < 256; value++) table[byte][value] = times(matrix, value << (8 * byte));
}

static uint32_t shift(uint32_t table[4][256], uint32_t crc) {
    return table[0][crc & 0xFF] ^ table[1][(crc >> 8) & 0xFF] ^ table[2][(crc >> 16) & 0xFF] ^ table[3][crc >> 24];
}

__attribute__((constructor)) static void make_tables(void) {
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t crc = value;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (POLYNOMIAL & -(crc & 1));
        tables[0][value] = crc;
    }
    for (int slice = 1; slice < 8; slice++)
        for (uint32_t value = 0; value < 256; value++)
            tables[slice][value] = (tables[slice - 1][value] >> 8) ^ tables[0][tables[slice - 1][value] & 0xFF];
#if defined(__x86_64__)
    __builtin_cpu_init();
    is_hardware = __builtin_cpu_supports("sse4.2");
#elif defined(__aarch64__) && defined(__linux__)
    is_hardware = (getauxval(AT_HWCAP) & (1ul << 7)) != 0;  // HWCAP_CRC32
#endif
    if (is_hardware) {
        make_shift(shift_long, LONG_BLOCK);
        make_shift(shift_short, SHORT_BLOCK);
    }
}

int weir_crc32c_is_hardware(void) { return is_hardware; }

static uint64_t load64(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

// Slicing by eight (Kounavis and Berry, 2005); little-endian processors.
uint32_t weir_crc32c_table(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    crc = ~crc;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; count >= 8; next += 8, count -= 8) {
        uint64_t word = load64(next) ^ crc;
        crc = tables[7][word & 0xFF] ^ tables[6][(word >> 8) & 0xFF] ^ tables[5][(word >> 16) & 0xFF]
            ^ tables[4][(word >> 24) & 0xFF] ^ tables[3][(word >> 32) & 0xFF] ^ tables[2][(word >> 40) & 0xFF]
            ^ tables[1][(word >> 48) & 0xFF] ^ tables[0][word >> 56];
    }
#endif
    while (count--) crc = (crc >> 8) ^ tables[0][(crc ^ *next++) & 0xFF];
    return ~crc;
}

#ifdef HARDWARE
// Three blocks side by side, then joined: a CRC is linear, so the first two are shifted over what follows them.
HARDWARE static uint32_t blocks(
    uint32_t crc, const uint8_t **bytes, size_t *count, size_t block, uint32_t table[4][256]) {
    while (*count >= 3 * block) {
        uint32_t second = 0, third = 0;
        const uint8_t *next = *bytes;
        for (size_t index = 0; index < block; index += 8) {
            crc = STEP64(crc, load64(next + index));
            second = STEP64(second, load64(next + block + index));
            third = STEP64(third, load64(next + 2 * block + index));
        }
        crc = shift(table, shift(table, crc) ^ second) ^ third;
        *bytes += 3 * block;
        *count -= 3 * block;
    }
    return crc;
}

HARDWARE static uint32_t hardware(uint32_t crc, const uint8_t *bytes, size_t count) {
    crc = ~crc;
    crc = blocks(crc, &bytes, &count, LONG_BLOCK, shift_long);
    crc = blocks(crc, &bytes, &count, SHORT_BLOCK, shift_short);
    for (; count >= 8; bytes += 8, count -= 8) crc = STEP64(crc, load64(bytes));
    while (count--) crc = STEP8(crc, *bytes++);
    return ~crc;
}
#endif

uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t count) {
#ifdef HARDWARE
    if (is_hardware) return hardware(crc, bytes, count);
#endif
    return weir_crc32c_table(crc, bytes, count);
}
