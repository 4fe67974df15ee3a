/* What a key holds, as it stands in its file. */
#ifndef SOFT_TOKEN_STATE_H
#define SOFT_TOKEN_STATE_H

#include "skf.h"

#include <limits.h>
#include <stddef.h>

enum {
    MOST_APPLICATIONS = 8,
    MOST_CONTAINERS = 8,
    MOST_DEVICES = 16,
    LONGEST_NAME = 64,
    LONGEST_CERTIFICATE = 4096,
    COORDINATE = 32,
    HASH = 32,
};

/* The room in bytes that each thing takes from a key's. */
enum { APPLICATION_ROOM = 256, CONTAINER_ROOM = 64, KEY_PAIR_ROOM = 96 };

typedef struct {
    BYTE hash[HASH]; /* SM3 of the PIN, which is kept nowhere */
    ULONG left;
    ULONG most;
    ULONG is_default;
} Pin;

typedef struct {
    char name[LONGEST_NAME + 1];
    ULONG has_key_pair;
    BYTE private_key[COORDINATE];
    BYTE public_key[2 * COORDINATE];
    BYTE certificate[2][LONGEST_CERTIFICATE]; /* 0 encryption, 1 signature */
    ULONG certificate_length[2];
} Container;

typedef struct {
    char name[LONGEST_NAME + 1];
    Pin pins[2]; /* by ADMIN_TYPE and USER_TYPE */
    ULONG rights;
    Container containers[MOST_CONTAINERS];
    ULONG container_count;
} Application;

typedef struct {
    char serial[33];
    char label[33];
    BYTE device_key[16];
    ULONG room;
    ULONG most_applications;
    ULONG most_containers;
    Application applications[MOST_APPLICATIONS];
    ULONG application_count;
} Token;

/* Tells one insertion from the next. */
typedef struct {
    uint64_t inode;
    int64_t seconds;
    int64_t nanoseconds;
    char text[32];
} Insertion;

typedef struct {
    char name[LONGEST_NAME + 1];
    int present;
    Insertion insertion;
} Device;

/* List the devices in alphabetical order, plugged in or not; returns how many. */
size_t devices_list(Device devices[MOST_DEVICES]);
int device_find(const char *name, Device *device);
int insertion_same(const Insertion *one, const Insertion *other);
/* Pull one key, or all where `name` is empty. */
void devices_pull(const char *name);

/* Read a key's file; a missing one is a blank key. The caller frees. NULL where it cannot be read. */
Token *token_load(const char *device);
/* Replace a key's file as a whole. */
ULONG token_save(const char *device, const Token *token);
ULONG token_free_room(const Token *token);
Application *token_application(Token *token, const char *name);
Container *application_container(Application *application, const char *name);

/* Keep other processes off a key: give back what device_lock gave. */
int device_lock(const char *device);
void device_unlock(int lock);

/* Return the folder that SOFT_TOKEN_STATE names. */
const char *state_folder(void);

#endif
