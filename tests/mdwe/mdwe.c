/* mdwe COMMAND ...: runs a command that can never have memory that was writable become executable (PR_SET_MDWE), nor
 * can its children. Exit status 77 where the kernel does not know of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

enum { SKIPPED = 77, FAILED = 1 };

/* What is forbidden must be refused, or the run proves nothing. */
static int is_in_force(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED) return 0;
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0;
}

int main(int count, char **words) {
    if (count > 2 && strcmp(words[1], "--inside") == 0) {
        if (!is_in_force()) {
            fprintf(stderr, "mdwe: it is not in force after exec\n");
            return FAILED;
        }
        execvp(words[2], words + 2);
        perror(words[2]);
        return FAILED;
    }
    if (count < 2) return FAILED;
    if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0) {
        fprintf(stderr, "mdwe: this kernel has no PR_SET_MDWE: %s\n", strerror(errno));
        return SKIPPED;
    }
    char *inside[64] = {"/proc/self/exe", "--inside"};
    if (count > 60) return FAILED;
    memcpy(inside + 2, words + 1, (size_t)count * sizeof *words);
    execv(inside[0], inside);
    perror("mdwe");
    return FAILED;
}
