/* Moves CLOCK_REALTIME alone, by the milliseconds that stand in the file $SHIM_OFFSET.
 * Boottime and the monotonic clock stay as they are: that is what a clock that is set does. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset_ms(void) {
    static int file = -1;
    char text[32] = {0};
    if (file < 0) {
        const char *path = getenv("SHIM_OFFSET");
        if (path == NULL) return 0;
        file = open(path, O_RDONLY | O_CLOEXEC);
        if (file >= 0 && file < 500) {  /* out of the way of whoever closes the low ones */
            int high = fcntl(file, F_DUPFD_CLOEXEC, 500);
            if (high >= 0) { close(file); file = high; }
        }
    }
    if (file < 0 || pread(file, text, sizeof text - 1, 0) <= 0) return 0;
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = (int)syscall(SYS_clock_gettime, clock, now);
    if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        long ms = offset_ms();
        now->tv_sec += ms / 1000;
        now->tv_nsec += (ms % 1000) * 1000000;
        if (now->tv_nsec >= 1000000000) { now->tv_nsec -= 1000000000; now->tv_sec++; }
        if (now->tv_nsec < 0) { now->tv_nsec += 1000000000; now->tv_sec--; }
    }
    return done;
}

time_t time(time_t *where) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where != NULL) *where = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict where, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    where->tv_sec = now.tv_sec;
    where->tv_usec = now.tv_nsec / 1000;
    return 0;
}
