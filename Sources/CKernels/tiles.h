#ifndef CK_TILES_H
#define CK_TILES_H

// Whether kernels of AMX's tiles may run here: the processor has tiles of bytes, the system lets this process use them,
// and a small layer by them has the portable kernel's bytes. Found out once.
int ck_has_tiles(void);

#endif
