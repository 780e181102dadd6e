/* ahead_main.c: ahead.c as a library. */
int run(void);

int main(void) {
    return run();
}
