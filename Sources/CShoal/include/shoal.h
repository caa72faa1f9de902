/*
 * Shoal's engine for C99 and C++: open a package that `shoal import` made, prepare operating points, switch between
 * them and run them.
 *
 *     cc -std=c99 program.c -lShoalC
 *
 * Rules that hold for every function:
 *   - It returns SHOAL_OK or one of the codes below, unless it says otherwise. No exception and no signal leaves it.
 *   - After a failure shoal_last_error() gives one sentence for the calling thread.
 *   - A NULL handle or pointer is refused with SHOAL_ARGUMENT; the functions that close take NULL and do nothing.
 *   - Where a result is written through a pointer, that is left as it was on failure, except that handles become NULL.
 *   - Texts are UTF-8 and end with a zero byte. Sizes are counts of elements, not bytes, unless they say bytes.
 *   - A model may be used by any number of threads at once. A session belongs to one thread at a time.
 */
#ifndef SHOAL_H
#define SHOAL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Result codes. They keep their numbers. */
enum {
    SHOAL_OK = 0,
    SHOAL_ARGUMENT = 1,    /* a handle, size or place that cannot be used */
    SHOAL_FILE = 2,        /* a package or a file beside it cannot be read, is damaged or holds something else */
    SHOAL_SUBNET = 3,      /* no such subnet, or no statistics of it */
    SHOAL_IMAGE = 4,       /* an image of another size, or a picture that cannot be decoded */
    SHOAL_ENVIRONMENT = 5  /* the machine cannot do it */
};

/* The order of an image's bytes. */
enum {
    SHOAL_PLANAR = 0,      /* channel by channel, row by row */
    SHOAL_INTERLEAVED = 1  /* row by row, the channels of a pixel side by side */
};

/* A package that was opened. */
typedef struct shoal_model shoal_model;

/* What runs operating points, with its memory and threads. */
typedef struct shoal_session shoal_session;

/* What is known of an operating point. */
typedef struct shoal_point {
    size_t channels;      /* of the image */
    size_t resolution;    /* side of the image where it is a square, as every subnet's; else its height */
    size_t height;        /* of the image, in pixels */
    size_t width;
    size_t input_count;   /* floats of a planar image: channels x height x width */
    size_t output_count;  /* values of the output; 0 where their number depends on the image */
    uint64_t flops;       /* of one inference; a multiply-add counts as two */
    int calibrated;       /* 1: the batch normalisations are this subnet's own; 0: the checkpoint's, for timing only */
    int slow;             /* 1: no kernels cover the network, so that it runs slowly and allocates */
} shoal_point;

/* An output value and its place, which is an index into the model's labels. */
typedef struct shoal_ranked {
    size_t index;
    float value;
} shoal_ranked;

/* What went wrong last on this thread, cut to 511 bytes; "" before the first failure. Never NULL. Valid until the next
   failure on this thread. */
const char *shoal_last_error(void);

/* Opens a package.
   package: path of the file.
   points: path of a Pareto table or JSON list of subnets; NULL for the statistics' subnets, or else the largest.
   statistics: path of a statistics file of `shoal calibrate`; NULL for the checkpoint's. Both NULL for a network.
   model: receives the handle, to be closed by shoal_model_close. */
int shoal_model_open(const char *package, const char *points, const char *statistics, shoal_model **model);

/* Closes a model. Its sessions stay usable. */
void shoal_model_close(shoal_model *model);

/* Number of operating points; 0 for NULL. A network has one. */
size_t shoal_model_point_count(const shoal_model *model);

/* Adds a subnet to the operating points.
   json: {"resolution":…,"depths":[…],"kernelSizes":[…],"expandRatios":[…]}
   point: receives its number. */
int shoal_model_add_point(shoal_model *model, const char *json, size_t *point);

/* Prepares an operating point, unless that was done before, and describes it. */
int shoal_model_describe(shoal_model *model, size_t point, shoal_point *description);

/* Number of class names; 0 for NULL and where the package has none. */
size_t shoal_model_label_count(const shoal_model *model);

/* Copies a class name.
   text: room for `bytes` bytes, the zero byte included; a name that does not fit is refused with SHOAL_ARGUMENT. */
int shoal_model_label(const shoal_model *model, size_t label, char *text, size_t bytes);

/* Makes a session that can switch between operating points, the first of them active. Prepares those that were not.
   points: `count` numbers of operating points, at least one.
   threads: how many share each inference, the caller's included: 1 to 64.
   session: receives the handle, to be closed by shoal_session_close. */
int shoal_session_open(shoal_model *model, const size_t *points, size_t count, int threads, shoal_session **session);

/* Closes a session and ends its threads. */
void shoal_session_close(shoal_session *session);

/* Switches to another operating point; allocates nothing.
   place: an index into the `points` that the session was opened with. */
int shoal_session_activate(shoal_session *session, size_t place);

/* Runs the active point on a planar image that is already normalised; allocates nothing.
   values: `count` floats, which must be the point's input_count. They are not looked at: of an image with values that
     are no numbers (NaN) the answer means nothing, though it may look like one. */
int shoal_session_run_planar(shoal_session *session, const float *values, size_t count);

/* Runs the active point on an image of bytes of any size up to 16384 pixels a side: resized and normalised as the
   package says. Allocates nothing while the size stays the same.
   pixels: `bytes` bytes, which must be channels x height x width.
   layout: SHOAL_PLANAR or SHOAL_INTERLEAVED. */
int shoal_session_run_pixels(shoal_session *session, const uint8_t *pixels, size_t bytes, size_t height, size_t width,
                             int layout);

/* Runs the active point on the bytes of a JPEG or PNG file: scaled to cover what the network reads and a seventh more
 * where it is that large, the centre cut out, and normalised. */
int shoal_session_run_encoded(shoal_session *session, const void *picture, size_t bytes);

/* Copies the output of the last run.
   values: room for `capacity` floats; an output that does not fit is refused with SHOAL_ARGUMENT.
   count: receives the number of values; 0 before the first run. */
int shoal_session_logits(const shoal_session *session, float *values, size_t capacity, size_t *count);

/* The largest values of the last run, largest first. Ranks all values in memory that it allocates: where a loop may not
   allocate, rank those of shoal_session_logits instead.
   ranked: room for `capacity` entries.
   count: receives how many there are, at most `capacity`. */
int shoal_session_top(const shoal_session *session, shoal_ranked *ranked, size_t capacity, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
