/* While the file that KEYDESK_DISK_FAILS names exists, every flush of a file fails with EIO, as on a disk that fails;
   while the one that KEYDESK_DISK_FULL names exists, every write at an offset with ENOSPC, as a database's on a full disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

typedef int (*flush)(int);
typedef ssize_t (*place)(int, const void *, size_t, off64_t);

static int is_marked(const char *variable)
{
    const char *mark = getenv(variable);
    return mark != NULL && access(mark, F_OK) == 0;
}

static int flushed(const char *name, int descriptor)
{
    if (is_marked("KEYDESK_DISK_FAILS")) {
        errno = EIO;
        return -1;
    }
    return ((flush)dlsym(RTLD_NEXT, name))(descriptor);
}

static ssize_t placed(const char *name, int descriptor, const void *bytes, size_t count, off64_t offset)
{
    if (is_marked("KEYDESK_DISK_FULL")) {
        errno = ENOSPC;
        return -1;
    }
    return ((place)dlsym(RTLD_NEXT, name))(descriptor, bytes, count, offset);
}

int fsync(int descriptor) { return flushed("fsync", descriptor); }

int fdatasync(int descriptor) { return flushed("fdatasync", descriptor); }

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset)
{
    return placed("pwrite", descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset)
{
    return placed("pwrite64", descriptor, bytes, count, offset);
}
