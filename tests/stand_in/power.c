/* An outside meter's counter: `unix_seconds joules` every 20 ms at 100 W, the joules being those of the very time that
 * stands beside them, however late the line comes. */
#include <stdio.h>
#include <time.h>

int main(void) {
    struct timespec t, pause = { 0, 20000000 };
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
