// For the library's own use: what shoal_last_error() returns on this thread from now on.
#ifndef SHOAL_ERROR_H
#define SHOAL_ERROR_H

void shoal_note_error(const char *sentence);

#endif
