int printf(const char *restrict format, ..., int, double, void *) __attribute__((format(printf, 1, 2)));
void (*signal(int sig, void (*handler)(int)))(int);
static inline double complex f(double complex z, int n, int a[static const 3], int b[*], char c[n], ...) __asm__("g");
extern int (*(*table[3])(int (*)(void)))[5], *p, grid[][4];
