#include "handles.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_OBJECTS = 256 };

static Object objects[MOST_OBJECTS];
static uintptr_t last_number = 0x1000;

Object *object_new(HandleKind kind, Object *parent, const char *name)
{
    for (size_t at = 0; at < MOST_OBJECTS; at++) {
        Object *object = &objects[at];
        if (object->kind != HANDLE_FREE)
            continue;
        memset(object, 0, sizeof *object);
        object->kind = kind;
        object->number = ++last_number;
        object->parent = parent;
        object->lock = -1;
        if (parent != NULL)
            object->device = parent->device;
        if (name != NULL)
            strncpy(object->name, name, LONGEST_NAME);
        return object;
    }
    return NULL;
}

HANDLE object_handle(const Object *object)
{
    return (HANDLE)object->number; /* NOLINT: a number, never followed */
}

void object_free(Object *object)
{
    for (size_t at = 0; at < MOST_OBJECTS; at++)
        if (objects[at].kind != HANDLE_FREE && objects[at].parent == object)
            object_free(&objects[at]);
    EVP_MD_CTX_free(object->digest);
    device_unlock(object->lock);
    memset(object, 0, sizeof *object);
}

Object *object_known(HANDLE handle, HandleKind kind)
{
    for (size_t at = 0; at < MOST_OBJECTS; at++) {
        Object *object = &objects[at];
        if (object->kind != HANDLE_FREE && object->number == (uintptr_t)handle)
            return kind == HANDLE_FREE || object->kind == kind ? object : NULL;
    }
    return NULL;
}

ULONG object_find(HANDLE handle, HandleKind kind, Object **object)
{
    Device now;

    *object = object_known(handle, kind);
    if (*object == NULL)
        return SAR_INVALIDHANDLEERR;
    if (!device_find((*object)->device.name, &now) || !now.present)
        return SAR_DEVICE_REMOVED;
    return insertion_same(&now.insertion, &(*object)->device.insertion) ? SAR_OK : SAR_DEVICE_REMOVED;
}

void objects_forget(const char *device, HandleKind kind, const char *application, const char *name)
{
    for (size_t at = 0; at < MOST_OBJECTS; at++) {
        Object *object = &objects[at];
        if (object->kind != kind || strcmp(object->device.name, device) != 0 || strcmp(object->name, name) != 0)
            continue;
        if (kind == HANDLE_APPLICATION || strcmp(object->parent->name, application) == 0)
            object_free(object);
    }
}

Object *object_device(Object *object)
{
    while (object->kind != HANDLE_DEVICE)
        object = object->parent;
    return object;
}

static ULONG work_locate(Work *work)
{
    Object *object = work->object;
    Object *application = object->kind == HANDLE_CONTAINER ? object->parent : object;

    if (object->kind != HANDLE_APPLICATION && object->kind != HANDLE_CONTAINER)
        return SAR_OK;
    work->application = token_application(work->token, application->name);
    if (work->application == NULL)
        return SAR_APPLICATION_NOT_EXISTS;
    if (object->kind == HANDLE_CONTAINER) {
        work->container = application_container(work->application, object->name);
        if (work->container == NULL)
            return SAR_CONTAINER_NOT_EXISTS;
    }
    return SAR_OK;
}

ULONG work_begin(Work *work, HANDLE handle, HandleKind kind)
{
    memset(work, 0, sizeof *work);
    work->lock = -1;
    ULONG answer = object_find(handle, kind, &work->object);
    if (answer != SAR_OK)
        return answer;
    if (object_device(work->object)->lock < 0)
        work->lock = device_lock(work->object->device.name);
    work->token = token_load(work->object->device.name);
    return work->token == NULL ? SAR_FILEERR : work_locate(work);
}

ULONG work_end(Work *work, ULONG answer)
{
    if (work->token != NULL && work->changed) {
        ULONG saved = token_save(work->object->device.name, work->token);
        if (answer == SAR_OK)
            answer = saved;
    }
    free(work->token);
    device_unlock(work->lock);
    return answer;
}
