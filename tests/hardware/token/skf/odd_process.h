/* What a library may do to the process that it is in. */
#ifndef ODD_PROCESS_H
#define ODD_PROCESS_H

#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* A process of the library's own, which holds all its descriptors open. */
static void leave_a_child(void)
{
    if (fork() == 0) {
        sleep(60);
        _exit(0);
    }
}

/* Two processes that go on from here, as where a program could not be started and its place was not left; whether this
 * is the second. */
static int second_process(void)
{
    if (fork() != 0)
        return 0;
    usleep(50000);
    return 1;
}

static void ignore(int number)
{
    (void)number;
}

static void *sleep_for_ever(void *nothing)
{
    for (;;)
        pause();
    return nothing;
}

/* Whatever a library may do to the process that it is in, short of ending it. */
static void make_itself_at_home(void)
{
    pthread_t thread;

    setlocale(LC_ALL, "");
    umask(0);
    for (int number = 1; number < 32; number++)
        signal(number, ignore);
    if (chdir("/proc") == 0 && pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0)
        pthread_detach(thread);
    for (int descriptor = 0; descriptor < 64; descriptor++)
        if (write(descriptor, "\0\0\0\1\xC1", 5) < 0)
            continue;
}

#endif
