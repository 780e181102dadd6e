/* frames.h: C functions, compiled with -fexceptions, for exceptions to pass through. */
#ifndef FERRY_TESTS_UNWIND_FRAMES_H
#define FERRY_TESTS_UNWIND_FRAMES_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Frames {
    int entered;
    int left; /* in whatever way */
} Frames;

typedef long FramesCallee(long, double);

/* callee(number, half), called from depth frames more. */
long frames_call(FramesCallee *callee, Frames *frames, int depth, long number, double half);

#ifdef __cplusplus
}
#endif

#endif
