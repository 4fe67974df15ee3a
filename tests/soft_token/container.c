/* GM/T 0016-2012, 7.5: containers and their certificates. */
#include "calls.h"
#include "handles.h"

#include <stdio.h>
#include <string.h>

static ULONG user_required(const Work *work)
{
    const Object *application = work->object->kind == HANDLE_CONTAINER ? work->object->parent : work->object;
    return application->logged_in[USER_TYPE] ? SAR_OK : SAR_USER_NOT_LOGGED_IN;
}

static ULONG container_make(Work *work, const char *name)
{
    Application *application = work->application;
    ULONG answer = user_required(work);

    if (answer != SAR_OK)
        return answer;
    if (name == NULL || *name == '\0' || strlen(name) > LONGEST_NAME || strchr(name, '\n') != NULL)
        return SAR_NAMELENERR;
    if (application_container(application, name) != NULL)
        return SAR_CONTAINER_EXISTS;
    if (application->container_count >= work->token->most_containers ||
        application->container_count >= MOST_CONTAINERS)
        return SAR_REACH_MAX_CONTAINER_COUNT;
    if (token_free_room(work->token) < CONTAINER_ROOM)
        return SAR_NO_ROOM;
    Container *made = &application->containers[application->container_count++];
    snprintf(made->name, sizeof made->name, "%s", name);
    work->changed = 1;
    return SAR_OK;
}

static ULONG handle_give(Work *work, const char *name, HCONTAINER *handle)
{
    Object *object = object_new(HANDLE_CONTAINER, work->object, name);

    if (object == NULL)
        return SAR_MEMORYERR;
    *handle = object_handle(object);
    return SAR_OK;
}

static ULONG create_container(HAPPLICATION handle, LPSTR name, HCONTAINER *container)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_APPLICATION);

    if (answer == SAR_OK && container == NULL)
        answer = SAR_INVALIDPARAMERR;
    if (answer == SAR_OK)
        answer = container_make(&work, name);
    if (answer == SAR_OK)
        answer = handle_give(&work, name, container);
    return work_end(&work, answer);
}

static ULONG container_delete(Work *work, const char *name)
{
    Application *application = work->application;
    ULONG answer = user_required(work);

    if (answer != SAR_OK)
        return answer;
    if (name == NULL)
        return SAR_INVALIDPARAMERR;
    Container *found = application_container(application, name);
    if (found == NULL)
        return SAR_CONTAINER_NOT_EXISTS;
    size_t behind = (size_t)(&application->containers[application->container_count] - (found + 1));
    memmove(found, found + 1, behind * sizeof *found);
    application->container_count--;
    work->changed = 1;
    objects_forget(work->object->device.name, HANDLE_CONTAINER, application->name, name);
    return SAR_OK;
}

static ULONG delete_container(HAPPLICATION handle, LPSTR name)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_APPLICATION);

    if (answer == SAR_OK)
        answer = container_delete(&work, name);
    return work_end(&work, answer);
}

static ULONG open_container(HAPPLICATION handle, LPSTR name, HCONTAINER *container)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_APPLICATION);

    if (answer == SAR_OK && (name == NULL || container == NULL))
        answer = SAR_INVALIDPARAMERR;
    if (answer == SAR_OK && application_container(work.application, name) == NULL)
        answer = SAR_CONTAINER_NOT_EXISTS;
    if (answer == SAR_OK)
        answer = handle_give(&work, name, container);
    return work_end(&work, answer);
}

static ULONG close_container(HCONTAINER handle)
{
    Object *object;
    ULONG answer = object_find(handle, HANDLE_CONTAINER, &object);

    if (answer == SAR_OK)
        object_free(object);
    return answer;
}

static ULONG enumerate_containers(HAPPLICATION handle, LPSTR list, ULONG *size)
{
    Work work;
    char names[MOST_CONTAINERS * (LONGEST_NAME + 1) + 1];
    size_t length = 0;
    ULONG answer = work_begin(&work, handle, HANDLE_APPLICATION);

    for (ULONG at = 0; answer == SAR_OK && at < work.application->container_count; at++) {
        size_t taken = strlen(work.application->containers[at].name) + 1;
        memcpy(names + length, work.application->containers[at].name, taken);
        length += taken;
    }
    names[length++] = '\0';
    if (answer == SAR_OK)
        answer = give(names, length, list, size);
    return work_end(&work, answer);
}

static ULONG container_type(HCONTAINER handle, ULONG *type)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_CONTAINER);

    if (answer == SAR_OK && type == NULL)
        answer = SAR_INVALIDPARAMERR;
    if (answer == SAR_OK)
        *type = work.container->has_key_pair ? CONTAINER_ECC : CONTAINER_EMPTY;
    return work_end(&work, answer);
}

static ULONG certificate_put(Work *work, int kind, const BYTE *certificate, ULONG length)
{
    Container *container = work->container;
    ULONG answer = user_required(work);

    if (answer != SAR_OK)
        return answer;
    if (certificate == NULL || length == 0)
        return SAR_INVALIDPARAMERR;
    if (length > LONGEST_CERTIFICATE)
        return SAR_INDATALENERR;
    if (length > token_free_room(work->token) + container->certificate_length[kind])
        return SAR_NO_ROOM;
    memcpy(container->certificate[kind], certificate, length);
    container->certificate_length[kind] = length;
    work->changed = 1;
    return SAR_OK;
}

static ULONG import_certificate(HCONTAINER handle, BOOL signature, const BYTE *certificate, ULONG length)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_CONTAINER);

    if (answer == SAR_OK)
        answer = certificate_put(&work, signature != 0, certificate, length);
    return work_end(&work, answer);
}

static ULONG export_certificate(HCONTAINER handle, BOOL signature, BYTE *certificate, ULONG *length)
{
    Work work;
    int kind = signature != 0;
    ULONG answer = work_begin(&work, handle, HANDLE_CONTAINER);

    if (answer == SAR_OK && work.container->certificate_length[kind] == 0)
        answer = SAR_CERTNOTFOUNTERR;
    if (answer == SAR_OK)
        answer = give(work.container->certificate[kind], work.container->certificate_length[kind], certificate, length);
    return work_end(&work, answer);
}

ULONG SKF_CreateContainer(HAPPLICATION hApplication, LPSTR szContainerName, HCONTAINER *phContainer)
{
    ANSWER(create_container(hApplication, szContainerName, phContainer));
}

ULONG SKF_DeleteContainer(HAPPLICATION hApplication, LPSTR szContainerName)
{
    ANSWER(delete_container(hApplication, szContainerName));
}

ULONG SKF_OpenContainer(HAPPLICATION hApplication, LPSTR szContainerName, HCONTAINER *phContainer)
{
    ANSWER(open_container(hApplication, szContainerName, phContainer));
}

ULONG SKF_CloseContainer(HCONTAINER hContainer)
{
    ANSWER(close_container(hContainer));
}

ULONG SKF_EnumContainer(HAPPLICATION hApplication, LPSTR szContainerName, ULONG *pulSize)
{
    ANSWER(enumerate_containers(hApplication, szContainerName, pulSize));
}

ULONG SKF_GetContainerType(HCONTAINER hContainer, ULONG *pulContainerType)
{
    ANSWER(container_type(hContainer, pulContainerType));
}

ULONG SKF_ImportCertificate(HCONTAINER hContainer, BOOL bSignFlag, BYTE *pbCert, ULONG ulCertLen)
{
    ANSWER(import_certificate(hContainer, bSignFlag, pbCert, ulCertLen));
}

ULONG SKF_ExportCertificate(HCONTAINER hContainer, BOOL bSignFlag, BYTE *pbCert, ULONG *pulCertLen)
{
    ANSWER(export_certificate(hContainer, bSignFlag, pbCert, pulCertLen));
}
