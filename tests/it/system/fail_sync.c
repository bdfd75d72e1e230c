// Lets a sync of the store's log fail once, as a disk with a bad block does: when the file that
// FAIL_SYNC names is there, it is taken away, and the system's answer is EIO. The log is the file
// of SQLite, or lies in the folder of PostgreSQL.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(int fd) {
    const char *flag = getenv("FAIL_SYNC");
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path);
    if (!flag || length < 4)
        return 0;
    path[length < PATH_MAX ? length : PATH_MAX - 1] = 0;
    if (strcmp(path + strlen(path) - 4, "-wal") != 0 && !strstr(path, "/pg_wal/"))
        return 0;
    return unlink(flag) == 0;
}

int fdatasync(int fd) {
    if (fails(fd)) {
        errno = EIO;
        return -1;
    }
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return real(fd);
}

int fsync(int fd) {
    if (fails(fd)) {
        errno = EIO;
        return -1;
    }
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return real(fd);
}
