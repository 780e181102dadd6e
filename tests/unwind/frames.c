/* frames.c: C functions for exceptions to pass through. */
#include "frames.h"

static void leave(Frames **frames) {
    (*frames)->left++;
}

long frames_call(FramesCallee *callee, Frames *frames, int depth, long number, double half) {
    __attribute__((cleanup(leave))) Frames *here = frames;
    here->entered++;
    return depth == 0 ? callee(number, half) + 1 : frames_call(callee, frames, depth - 1, number, half) + 1;
}
