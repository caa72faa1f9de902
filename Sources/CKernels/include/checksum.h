// CRC-32C (Castagnoli), as in iSCSI (RFC 3720, appendix B.4) and SSE4.2.
#ifndef CK_CHECKSUM_H
#define CK_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// The checksum of some bytes that follow others; `crc` is the checksum of those, 0 at the beginning. Uses the
// processor's own instruction where it has one.
uint32_t ck_crc32c(uint32_t crc, const void *bytes, size_t count);

// The same by table, on any processor.
uint32_t ck_crc32c_portable(uint32_t crc, const void *bytes, size_t count);

#endif
