/* The folder of devices: which there are, and which are plugged in. */
#include "state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const char *state_folder(void)
{
    const char *folder = getenv("SOFT_TOKEN_STATE");
    return folder == NULL || *folder == '\0' ? "." : folder;
}

static void marker_path(char path[PATH_MAX], const char *device)
{
    snprintf(path, PATH_MAX, "%s/%s/inserted", state_folder(), device);
}

static int name_is_usable(const char *name)
{
    return *name != '\0' && *name != '.' && strlen(name) <= LONGEST_NAME && strchr(name, '/') == NULL;
}

static int marker_read(const char *name, Insertion *insertion)
{
    char path[PATH_MAX];
    struct stat status;

    memset(insertion, 0, sizeof *insertion);
    marker_path(path, name);
    int marker = open(path, O_RDONLY | O_CLOEXEC);
    if (marker < 0)
        return 0;
    int found = fstat(marker, &status) == 0 && read(marker, insertion->text, sizeof insertion->text) >= 0;
    close(marker);
    insertion->inode = status.st_ino;
    insertion->seconds = status.st_ctim.tv_sec;
    insertion->nanoseconds = status.st_ctim.tv_nsec;
    return found;
}

int device_find(const char *name, Device *device)
{
    char path[PATH_MAX];
    struct stat status;

    if (name == NULL || !name_is_usable(name))
        return 0;
    snprintf(path, sizeof path, "%s/%s", state_folder(), name);
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return 0;
    memset(device, 0, sizeof *device);
    snprintf(device->name, sizeof device->name, "%s", name);
    device->present = marker_read(name, &device->insertion);
    return 1;
}

static int by_name(const void *one, const void *other)
{
    return strcmp(((const Device *)one)->name, ((const Device *)other)->name);
}

size_t devices_list(Device devices[MOST_DEVICES])
{
    size_t count = 0;
    DIR *folder = opendir(state_folder());

    if (folder == NULL)
        return 0;
    for (struct dirent *entry = readdir(folder); entry != NULL && count < MOST_DEVICES; entry = readdir(folder))
        count += (size_t)device_find(entry->d_name, &devices[count]);
    closedir(folder);
    qsort(devices, count, sizeof *devices, by_name);
    return count;
}

int insertion_same(const Insertion *one, const Insertion *other)
{
    return one->inode == other->inode && one->seconds == other->seconds &&
           one->nanoseconds == other->nanoseconds && memcmp(one->text, other->text, sizeof one->text) == 0;
}

void devices_pull(const char *name)
{
    Device devices[MOST_DEVICES];
    char path[PATH_MAX];
    size_t count = devices_list(devices);

    for (size_t at = 0; at < count; at++) {
        if (*name != '\0' && strcmp(name, devices[at].name) != 0)
            continue;
        marker_path(path, devices[at].name);
        unlink(path);
    }
}

int device_lock(const char *device)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s/lock", state_folder(), device);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock >= 0)
        flock(lock, LOCK_EX);
    return lock;
}

void device_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}
