/* What a handle stands for, and the key behind it. */
#ifndef SOFT_TOKEN_HANDLES_H
#define SOFT_TOKEN_HANDLES_H

#include "state.h"

#include <openssl/evp.h>

typedef enum { HANDLE_FREE, HANDLE_DEVICE, HANDLE_APPLICATION, HANDLE_CONTAINER, HANDLE_DIGEST } HandleKind;

typedef struct Object {
    HandleKind kind;
    uintptr_t number;
    struct Object *parent;
    Device device;
    char name[LONGEST_NAME + 1]; /* of the application or container */
    int authenticated;           /* device: proved its key */
    BYTE challenge[16];
    ULONG challenge_length;
    int lock;         /* device: held since SKF_LockDev, or -1 */
    int logged_in[2]; /* application: by PIN type */
    EVP_MD_CTX *digest;
} Object;

/* One call's work on a key: the state as it was read, locked against other processes. */
typedef struct {
    Object *object;
    Token *token;
    Application *application;
    Container *container;
    int lock;
    int changed;
} Work;

Object *object_new(HandleKind kind, Object *parent, const char *name);
HANDLE object_handle(const Object *object);
/* Forget an object and all that was opened through it. */
void object_free(Object *object);
/* Find a live handle of that kind whose key is still the one that was connected; 0 for any kind. */
ULONG object_find(HANDLE handle, HandleKind kind, Object **object);
/* The same, wherever its key is. */
Object *object_known(HANDLE handle, HandleKind kind);
/* Forget those that stand for an application, or for a container of it, that is deleted. */
void objects_forget(const char *device, HandleKind kind, const char *application, const char *name);
Object *object_device(Object *object);

ULONG work_begin(Work *work, HANDLE handle, HandleKind kind);
/* Write what changed, unless the work failed, and let go. */
ULONG work_end(Work *work, ULONG answer);

#endif
