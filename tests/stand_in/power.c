/* An outside meter's counter: `unix_seconds joules` at 100 W, every 20 ms or as many as its argument says, the joules being those of the very time that
 * stands beside them, however late the line comes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int count, char **words) {
    long ms = count > 1 ? atol(words[1]) : 20;
    struct timespec t, pause = { ms / 1000, ms % 1000 * 1000000 };
    clock_gettime(CLOCK_REALTIME, &t);
    time_t start = t.tv_sec;
    for (;;) {
        clock_gettime(CLOCK_REALTIME, &t);
        double since = (double)(t.tv_sec - start) + 1e-9 * (double)t.tv_nsec;
        if (printf("%lld.%06ld %.6f\n", (long long)t.tv_sec, t.tv_nsec / 1000, 1000.0 + 100.0 * since) < 0) return 1;
        if (fflush(stdout) != 0) return 1;
        nanosleep(&pause, 0);
    }
}
