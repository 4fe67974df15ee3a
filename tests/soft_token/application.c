/* GM/T 0016-2012, 7.3: applications, each with its own PINs and containers. */
#include "calls.h"
#include "pins.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    const char *pins[2];
    ULONG tries[2];
    ULONG rights;
} Wish;

static int name_is_usable(const char *name)
{
    return name != NULL && *name != '\0' && strlen(name) <= LONGEST_NAME && strchr(name, '\n') == NULL;
}

static ULONG application_check(const Work *work, const Wish *wish)
{
    if (!work->object->authenticated)
        return SAR_USER_NOT_LOGGED_IN;
    if (!name_is_usable(wish->name))
        return SAR_APPLICATION_NAME_INVALID;
    if (wish->tries[ADMIN_TYPE] == 0 || wish->tries[USER_TYPE] == 0)
        return SAR_INVALIDPARAMERR;
    if (token_application(work->token, wish->name) != NULL)
        return SAR_APPLICATION_EXISTS;
    if (work->token->application_count >= work->token->most_applications ||
        work->token->application_count >= MOST_APPLICATIONS || token_free_room(work->token) < APPLICATION_ROOM)
        return SAR_NO_ROOM;
    return SAR_OK;
}

static ULONG application_make(Work *work, const Wish *wish)
{
    ULONG answer = application_check(work, wish);
    if (answer != SAR_OK)
        return answer;
    Application *made = &work->token->applications[work->token->application_count];
    for (ULONG type = ADMIN_TYPE; type <= USER_TYPE && answer == SAR_OK; type++)
        answer = pin_set(&made->pins[type], wish->pins[type], wish->tries[type], 1);
    if (answer != SAR_OK)
        return answer;
    snprintf(made->name, sizeof made->name, "%s", wish->name);
    made->rights = wish->rights;
    work->token->application_count++;
    work->changed = 1;
    return SAR_OK;
}

static ULONG handle_give(Object *parent, HandleKind kind, const char *name, HANDLE *handle)
{
    Object *object = object_new(kind, parent, name);

    if (object == NULL)
        return SAR_MEMORYERR;
    *handle = object_handle(object);
    return SAR_OK;
}

static ULONG create_application(DEVHANDLE handle, const Wish *wish, HAPPLICATION *application)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_DEVICE);

    if (answer == SAR_OK && application == NULL)
        answer = SAR_INVALIDPARAMERR;
    if (answer == SAR_OK)
        answer = application_make(&work, wish);
    if (answer == SAR_OK)
        answer = handle_give(work.object, HANDLE_APPLICATION, wish->name, application);
    return work_end(&work, answer);
}

static ULONG enumerate_applications(DEVHANDLE handle, LPSTR list, ULONG *size)
{
    Work work;
    char names[MOST_APPLICATIONS * (LONGEST_NAME + 1) + 1];
    size_t length = 0;
    ULONG answer = work_begin(&work, handle, HANDLE_DEVICE);

    for (ULONG at = 0; answer == SAR_OK && at < work.token->application_count; at++) {
        size_t taken = strlen(work.token->applications[at].name) + 1;
        memcpy(names + length, work.token->applications[at].name, taken);
        length += taken;
    }
    names[length++] = '\0';
    if (answer == SAR_OK)
        answer = give(names, length, list, size);
    return work_end(&work, answer);
}

static ULONG application_delete(Work *work, const char *name)
{
    Token *token = work->token;

    if (!work->object->authenticated)
        return SAR_USER_NOT_LOGGED_IN;
    if (!name_is_usable(name))
        return SAR_APPLICATION_NAME_INVALID;
    Application *found = token_application(token, name);
    if (found == NULL)
        return SAR_APPLICATION_NOT_EXISTS;
    size_t behind = (size_t)(&token->applications[token->application_count] - (found + 1));
    memmove(found, found + 1, behind * sizeof *found);
    token->application_count--;
    work->changed = 1;
    objects_forget(work->object->device.name, HANDLE_APPLICATION, NULL, name);
    return SAR_OK;
}

static ULONG delete_application(DEVHANDLE handle, LPSTR name)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_DEVICE);

    if (answer == SAR_OK)
        answer = application_delete(&work, name);
    return work_end(&work, answer);
}

static ULONG open_application(DEVHANDLE handle, LPSTR name, HAPPLICATION *application)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_DEVICE);

    if (answer == SAR_OK && (name == NULL || application == NULL))
        answer = SAR_INVALIDPARAMERR;
    if (answer == SAR_OK && token_application(work.token, name) == NULL)
        answer = SAR_APPLICATION_NOT_EXISTS;
    if (answer == SAR_OK)
        answer = handle_give(work.object, HANDLE_APPLICATION, name, application);
    return work_end(&work, answer);
}

static ULONG close_application(HAPPLICATION handle)
{
    Object *object;
    ULONG answer = object_find(handle, HANDLE_APPLICATION, &object);

    if (answer == SAR_OK)
        object_free(object);
    return answer;
}

ULONG SKF_CreateApplication(DEVHANDLE hDev, LPSTR szAppName, LPSTR szAdminPin, DWORD dwAdminPinRetryCount,
                            LPSTR szUserPin, DWORD dwUserPinRetryCount, DWORD dwCreateFileRights,
                            HAPPLICATION *phApplication)
{
    Wish wish = {szAppName, {szAdminPin, szUserPin}, {dwAdminPinRetryCount, dwUserPinRetryCount}, dwCreateFileRights};

    ANSWER(create_application(hDev, &wish, phApplication));
}

ULONG SKF_EnumApplication(DEVHANDLE hDev, LPSTR szAppName, ULONG *pulSize)
{
    ANSWER(enumerate_applications(hDev, szAppName, pulSize));
}

ULONG SKF_DeleteApplication(DEVHANDLE hDev, LPSTR szAppName)
{
    ANSWER(delete_application(hDev, szAppName));
}

ULONG SKF_OpenApplication(DEVHANDLE hDev, LPSTR szAppName, HAPPLICATION *phApplication)
{
    ANSWER(open_application(hDev, szAppName, phApplication));
}

ULONG SKF_CloseApplication(HAPPLICATION hApplication)
{
    ANSWER(close_application(hApplication));
}
