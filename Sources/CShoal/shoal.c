#include "shoal.h"

#include <string.h>

#include "shoal_error.h"

static __thread char last_error[512];

const char *shoal_last_error(void) { return last_error; }

void shoal_note_error(const char *sentence) {
    size_t length = strlen(sentence);
    if (length >= sizeof last_error) {
        length = sizeof last_error - 1;
        // Not in the middle of a character.
        while (length > 0 && ((unsigned char)sentence[length] & 0xC0) == 0x80) length--;
    }
    memcpy(last_error, sentence, length);
    last_error[length] = 0;
}
