/* While the file that KEYDESK_DISK_FAILS names exists, every flush of a file fails with EIO, as on a disk that fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

typedef int (*flush)(int);

static int flushed(const char *name, int descriptor)
{
    const char *mark = getenv("KEYDESK_DISK_FAILS");
    if (mark != NULL && access(mark, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    return ((flush)dlsym(RTLD_NEXT, name))(descriptor);
}

int fsync(int descriptor) { return flushed("fsync", descriptor); }

int fdatasync(int descriptor) { return flushed("fdatasync", descriptor); }
