#include "calls.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t working = PTHREAD_MUTEX_INITIALIZER;

/* Asked at any time by whoever watches for keys; `*` does not count them, so that it counts the same in every run. */
static const char *const WATCHING[] = {
    "SKF_EnumDev",
    "SKF_GetDevState",
    "SKF_WaitForDevEvent",
    "SKF_CancelWaitForDevEvent",
};

static int watches(const char *name)
{
    for (size_t at = 0; at < sizeof WATCHING / sizeof *WATCHING; at++)
        if (strcmp(name, WATCHING[at]) == 0)
            return 1;
    return 0;
}

static FILE *log_open(const char *mode)
{
    char path[PATH_MAX];
    const char *named = getenv("SOFT_TOKEN_LOG");

    if (named == NULL || *named == '\0') {
        snprintf(path, sizeof path, "%s/calls.log", state_folder());
        named = path;
    }
    FILE *file = fopen(named, mode);
    if (file != NULL)
        flock(fileno(file), LOCK_EX);
    return file;
}

/* Count the calls that the log has of this function, and of all that do not only watch. */
static void log_count(FILE *log, const char *name, unsigned long *own, unsigned long *all)
{
    char line[128];
    char begun[96];

    *own = *all = 0;
    rewind(log);
    while (fgets(line, sizeof line, log) != NULL) {
        if (sscanf(line, "> %95s", begun) != 1)
            continue;
        *own += strcmp(begun, name) == 0;
        *all += !watches(begun);
    }
}

static int applies(const char *place, unsigned long count)
{
    char *end;

    if (strcmp(place, "*") == 0)
        return 1;
    unsigned long wanted = strtoul(place, &end, 10);
    return *end == '+' ? count >= wanted : count == wanted;
}

static int fault_action(Call *call, char *action, const char *value)
{
    char *after = strstr(action, "-after");
    char *before = strstr(action, "-before");

    call->after = after != NULL;
    if (after != NULL)
        *after = '\0';
    if (before != NULL)
        *before = '\0';
    if (strcmp(action, "return") == 0)
        call->fault = FAULT_RETURN;
    else if (strcmp(action, "pull") == 0)
        call->fault = FAULT_PULL;
    else if (strcmp(action, "hang") == 0)
        call->fault = FAULT_HANG;
    else if (strcmp(action, "crash") == 0)
        call->fault = FAULT_CRASH;
    else if (strcmp(action, "delay") == 0)
        call->fault = FAULT_DELAY;
    else
        return 0;
    call->code = (ULONG)strtoul(value, NULL, 0);
    if (call->fault == FAULT_PULL)
        snprintf(call->device, sizeof call->device, "%s", value);
    return 1;
}

/* Find the first line of the control file that speaks of this call. */
static void fault_find(Call *call, unsigned long own, unsigned long all)
{
    char line[256];
    const char *path = getenv("SOFT_TOKEN_FAULTS");
    FILE *file = path == NULL ? NULL : fopen(path, "re");

    if (file == NULL)
        return;
    while (call->fault == FAULT_NONE && fgets(line, sizeof line, file) != NULL) {
        char function[64] = "", place[16] = "", action[32] = "", value[LONGEST_NAME + 1] = "";
        if (*line == '#' || sscanf(line, "%63s %15s %31s %64s", function, place, action, value) < 3)
            continue;
        int any = strcmp(function, "*") == 0 && !watches(call->name);
        if (!any && strcmp(function, call->name) != 0)
            continue;
        if (applies(place, any ? all : own))
            fault_action(call, action, value);
    }
    fclose(file);
}

static ULONG fault_happen(const Call *call, ULONG answer)
{
    struct timespec pause_for = {call->code / 1000, (long)(call->code % 1000) * 1000000};

    switch (call->fault) {
    case FAULT_RETURN:
        return call->code;
    case FAULT_PULL:
        devices_pull(call->device);
        return SAR_DEVICE_REMOVED;
    case FAULT_HANG:
        for (;;)
            pause();
    case FAULT_CRASH:
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
        return answer;
    case FAULT_DELAY:
        nanosleep(&pause_for, NULL);
        return answer;
    case FAULT_NONE:
        break;
    }
    return answer;
}

Call call_begin(const char *name)
{
    Call call = {.name = name, .proceeds = 1};
    unsigned long own = 0, all = 0;
    FILE *log = log_open("a+e");

    if (log != NULL) {
        fprintf(log, "> %s\n", name);
        fflush(log);
        log_count(log, name, &own, &all);
        fclose(log);
    }
    fault_find(&call, own, all);
    if (call.fault != FAULT_NONE && !call.after) {
        call.code = fault_happen(&call, SAR_OK);
        /* Of a key that was pulled the function itself finds out, and of another it does its work. */
        call.proceeds = call.fault == FAULT_DELAY || call.fault == FAULT_PULL;
    }
    if (call.proceeds && !watches(name)) {
        pthread_mutex_lock(&working);
        call.locked = 1;
    }
    return call;
}

ULONG call_end(Call *call, ULONG answer)
{
    if (call->locked)
        pthread_mutex_unlock(&working);
    if (call->after)
        answer = fault_happen(call, answer);
    FILE *log = log_open("a+e");
    if (log != NULL) {
        fprintf(log, "< %s %08X\n", call->name, answer);
        fclose(log);
    }
    return answer;
}

ULONG give(const void *data, size_t length, void *buffer, ULONG *size)
{
    if (size == NULL)
        return SAR_INVALIDPARAMERR;
    ULONG capacity = *size;
    *size = (ULONG)length;
    if (buffer == NULL)
        return SAR_OK;
    if (capacity < length)
        return SAR_BUFFER_TOO_SMALL;
    memcpy(buffer, data, length);
    return SAR_OK;
}
