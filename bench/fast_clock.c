/* LD_PRELOAD: time passes faster for this process, by every clock that it reads and in every wait
 * with a timeout; the times of files agree with it.
 *
 * $FAST_CLOCK is "factor begin_ns realtime_ns monotonic_ns boottime_ns": from these three moments
 * on the clocks run that much faster, the wall clock from `begin_ns`; the same for all processes.
 * Not changed: CPU clocks, what the kernel does by itself, and the waits of condition variables,
 * which in CPython are how long a thread holds the interpreter.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
typedef long long ns;

static ns factor;
static struct pace { ns base, begin; } real_pace, monotonic_pace, boot_pace;

static struct pace *pace_of(clockid_t clock) {
    if (factor == 0) {
        const char *told = getenv("FAST_CLOCK");
        if (told == NULL || sscanf(told, "%lld %lld %lld %lld %lld", &factor, &real_pace.begin,
                                   &real_pace.base, &monotonic_pace.base, &boot_pace.base) != 5)
            abort();
        monotonic_pace.begin = monotonic_pace.base;
        boot_pace.begin = boot_pace.base;
    }
    switch (clock) {
    case CLOCK_REALTIME: case CLOCK_REALTIME_COARSE: return &real_pace;
    case CLOCK_MONOTONIC: case CLOCK_MONOTONIC_COARSE: return &monotonic_pace;
    case CLOCK_BOOTTIME: return &boot_pace;
    default: return NULL;
    }
}

static ns of(const struct timespec *t) { return t->tv_sec * SECOND + t->tv_nsec; }
static struct timespec spec(ns t) { return (struct timespec){t / SECOND, t % SECOND}; }

static ns true_now(clockid_t clock) {
    struct timespec now;
    syscall(SYS_clock_gettime, clock, &now);
    return of(&now);
}

static ns fast(clockid_t clock, ns t) {
    struct pace *pace = pace_of(clock);
    return pace == NULL || t < pace->base ? t : pace->begin + (t - pace->base) * factor;
}

static struct timespec slow(clockid_t clock, const struct timespec *t) {
    struct pace *pace = pace_of(clock);
    return pace == NULL || of(t) < pace->begin ? *t
         : spec(pace->base + (of(t) - pace->begin) / factor);
}

static struct timespec shorter(ns duration) { pace_of(CLOCK_REALTIME); return spec(duration / factor); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = (int)syscall(SYS_clock_gettime, clock, now);
    if (done == 0) *now = spec(fast(clock, of(now)));
    return done;
}

time_t time(time_t *where) {
    time_t now = fast(CLOCK_REALTIME, true_now(CLOCK_REALTIME)) / SECOND;
    if (where != NULL) *where = now;
    return now;
}

int gettimeofday(struct timeval *restrict where, void *restrict zone) {
    ns now = fast(CLOCK_REALTIME, true_now(CLOCK_REALTIME));
    (void)zone;
    where->tv_sec = now / SECOND;
    where->tv_usec = now % SECOND / 1000;
    return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *want, struct timespec *left) {
    struct timespec t = flags & TIMER_ABSTIME ? slow(clock, want) : shorter(of(want));
    return syscall(SYS_clock_nanosleep, clock, flags, &t, left) == 0 ? 0 : errno;
}

int nanosleep(const struct timespec *want, struct timespec *left) {
    struct timespec t = shorter(of(want));
    return (int)syscall(SYS_nanosleep, &t, left);
}

int poll(struct pollfd *fds, nfds_t count, int ms) {
    struct timespec t = shorter((ns)ms * 1000000);
    return ppoll(fds, count, ms < 0 ? NULL : &t, NULL);
}

int select(int count, fd_set *in, fd_set *out, fd_set *bad, struct timeval *timeout) {
    struct timespec t;
    if (timeout != NULL) t = shorter(timeout->tv_sec * SECOND + timeout->tv_usec * 1000LL);
    return pselect(count, in, out, bad, timeout == NULL ? NULL : &t, NULL);
}

int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until) {
    static int (*next)(sem_t *, clockid_t, const struct timespec *);
    struct timespec t = slow(clock, until);
    if (next == NULL) next = dlsym(RTLD_NEXT, "sem_clockwait");
    return next(semaphore, clock, &t);
}

int sem_timedwait(sem_t *semaphore, const struct timespec *until) {
    return sem_clockwait(semaphore, CLOCK_REALTIME, until);
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                           const struct timespec *until) {
    /* Wall time counts from 1970, the monotonic clock from the boot. */
    clockid_t clock = until->tv_sec > 1000000000 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    ns now = true_now(clock);
    struct timespec t = spec(now + of(until) - fast(clock, now));
    return pthread_cond_clockwait(condition, mutex, clock, &t);
}

static int dated(int done, struct stat *found) {
    if (done == 0) {
        found->st_mtim = spec(fast(CLOCK_REALTIME, of(&found->st_mtim)));
        found->st_ctim = spec(fast(CLOCK_REALTIME, of(&found->st_ctim)));
    }
    return done;
}

int fstatat(int folder, const char *restrict path, struct stat *restrict found, int flags) {
    return dated((int)syscall(SYS_newfstatat, folder, path, found, flags), found);
}
int fstat(int file, struct stat *found) { return fstatat(file, "", found, AT_EMPTY_PATH); }
int stat(const char *restrict path, struct stat *restrict found) {
    return fstatat(AT_FDCWD, path, found, 0);
}
int lstat(const char *restrict path, struct stat *restrict found) {
    return fstatat(AT_FDCWD, path, found, AT_SYMLINK_NOFOLLOW);
}
int fstatat64(int folder, const char *restrict path, struct stat64 *restrict found, int flags)
    __attribute__((alias("fstatat")));
int fstat64(int file, struct stat64 *found) __attribute__((alias("fstat")));
int stat64(const char *restrict path, struct stat64 *restrict found) __attribute__((alias("stat")));
int lstat64(const char *restrict path, struct stat64 *restrict found)
    __attribute__((alias("lstat")));
