/* more.h: one that can be read, and one that SKIP leaves out. */
long labs(long);
unknown that_is_left_out(void);
