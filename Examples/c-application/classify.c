/*
 * Classifies one raw image with a package, at its first operating point.
 *
 *     cc -std=c99 -o classify classify.c -I../../Sources/CShoal/include -L../../.build/release -lShoalC \
 *         -Wl,-rpath,"$PWD/../../.build/release"
 *     ./classify PACKAGE HEIGHT WIDTH FILE
 *
 * FILE holds HEIGHT x WIDTH x channels bytes, the channels of a pixel side by side. The same file compiles as C++.
 */
#include <shoal.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char *what) {
    fprintf(stderr, "classify: %s: %s\n", what, shoal_last_error());
    return 2;
}

int main(int count, char **arguments) {
    static uint8_t pixels[1 << 20];
    shoal_model *model = NULL;
    shoal_session *session = NULL;
    shoal_point point;
    shoal_ranked best;
    char label[256] = "";
    size_t first = 0, height, width, bytes, found;
    FILE *file;

    if (count != 5) {
        fprintf(stderr, "usage: classify PACKAGE HEIGHT WIDTH FILE\n");
        return 64;
    }
    height = (size_t)strtoul(arguments[2], NULL, 10);
    width = (size_t)strtoul(arguments[3], NULL, 10);
    file = fopen(arguments[4], "rb");
    if (!file) {
        perror(arguments[4]);
        return 2;
    }
    bytes = fread(pixels, 1, sizeof pixels, file);
    fclose(file);

    if (shoal_model_open(arguments[1], NULL, NULL, &model) != SHOAL_OK) return failed("open");
    if (shoal_model_describe(model, 0, &point) != SHOAL_OK) return failed("describe");
    if (shoal_session_open(model, &first, 1, 1, &session) != SHOAL_OK) return failed("session");
    if (shoal_session_run_pixels(session, pixels, bytes, height, width, SHOAL_INTERLEAVED) != SHOAL_OK)
        return failed("run");
    if (shoal_session_top(session, &best, 1, &found) != SHOAL_OK || found != 1) return failed("top");
    if (best.index < shoal_model_label_count(model)
        && shoal_model_label(model, best.index, label, sizeof label) != SHOAL_OK)
        return failed("label");
    printf("%s: %s (class %lu, %g) at %lu pixels\n", arguments[4], label, (unsigned long)best.index,
           (double)best.value, (unsigned long)point.resolution);
    shoal_session_close(session);
    shoal_model_close(model);
    return 0;
}
