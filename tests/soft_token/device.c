/* GM/T 0016-2012, 7.1: devices, their coming and going; and random bytes (7.6.2). */
#include "calls.h"
#include "handles.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

static atomic_int waiting_is_over;
/* What was plugged in when an event was last reported. */
static Device seen[MOST_DEVICES];
static size_t seen_count;
static int seen_once;

static void sleep_milliseconds(long milliseconds)
{
    struct timespec pause_for = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&pause_for, NULL);
}

static const Device *find_in(const Device *devices, size_t count, const Device *wanted)
{
    for (size_t at = 0; at < count; at++)
        if (devices[at].present && strcmp(devices[at].name, wanted->name) == 0 &&
            insertion_same(&devices[at].insertion, &wanted->insertion))
            return &devices[at];
    return NULL;
}

/* Find one difference between then and now, a removal first. */
static ULONG event_find(const Device *now, size_t count, Device *changed)
{
    for (size_t at = 0; at < seen_count; at++)
        if (seen[at].present && find_in(now, count, &seen[at]) == NULL) {
            *changed = seen[at];
            return EVENT_REMOVED;
        }
    for (size_t at = 0; at < count; at++)
        if (now[at].present && find_in(seen, seen_count, &now[at]) == NULL) {
            *changed = now[at];
            return EVENT_INSERTED;
        }
    return 0;
}

static void event_note(const Device *changed, ULONG event)
{
    for (size_t at = 0; at < seen_count; at++)
        if (strcmp(seen[at].name, changed->name) == 0) {
            seen[at] = *changed;
            seen[at].present = event == EVENT_INSERTED;
            return;
        }
    if (seen_count < MOST_DEVICES)
        seen[seen_count++] = *changed;
}

static ULONG wait_for_event(LPSTR name, ULONG *length, ULONG *event)
{
    Device now[MOST_DEVICES];
    Device changed;

    if (name == NULL || length == NULL || event == NULL)
        return SAR_INVALIDPARAMERR;
    if (!seen_once)
        seen_count = devices_list(seen);
    seen_once = 1;
    while (!atomic_exchange(&waiting_is_over, 0)) {
        size_t count = devices_list(now);
        ULONG found = event_find(now, count, &changed);
        if (found != 0) {
            ULONG answer = give(changed.name, strlen(changed.name) + 1, name, length);
            if (answer == SAR_OK) {
                event_note(&changed, found);
                *event = found;
            }
            return answer;
        }
        sleep_milliseconds(10);
    }
    return SAR_NOT_EVENTERR;
}

static ULONG cancel_wait(void)
{
    atomic_store(&waiting_is_over, 1);
    return SAR_OK;
}

static ULONG enumerate(BOOL present, LPSTR list, ULONG *size)
{
    Device devices[MOST_DEVICES];
    char names[MOST_DEVICES * (LONGEST_NAME + 1) + 1];
    size_t length = 0;
    size_t count = devices_list(devices);

    for (size_t at = 0; at < count; at++) {
        if (present && !devices[at].present)
            continue;
        size_t taken = strlen(devices[at].name) + 1;
        memcpy(names + length, devices[at].name, taken);
        length += taken;
    }
    names[length++] = '\0';
    return give(names, length, list, size);
}

static ULONG connect_device(LPSTR name, DEVHANDLE *handle)
{
    Device device;

    if (name == NULL || handle == NULL)
        return SAR_INVALIDPARAMERR;
    if (!device_find(name, &device) || !device.present)
        return SAR_DEVICE_REMOVED;
    Object *object = object_new(HANDLE_DEVICE, NULL, name);
    if (object == NULL)
        return SAR_MEMORYERR;
    object->device = device;
    *handle = object_handle(object);
    return SAR_OK;
}

/* The handle is given up even when the key is gone. */
static ULONG disconnect(DEVHANDLE handle)
{
    Object *object;
    ULONG answer = object_find(handle, HANDLE_DEVICE, &object);

    if (object != NULL)
        object_free(object);
    return answer;
}

static ULONG device_state(LPSTR name, ULONG *state)
{
    Device device;

    if (name == NULL || state == NULL)
        return SAR_INVALIDPARAMERR;
    if (!device_find(name, &device))
        *state = DEVICE_UNKNOWN;
    else
        *state = device.present ? DEVICE_PRESENT : DEVICE_ABSENT;
    return SAR_OK;
}

static ULONG set_label(DEVHANDLE handle, LPSTR label)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_DEVICE);

    if (answer == SAR_OK && label == NULL)
        answer = SAR_INVALIDPARAMERR;
    else if (answer == SAR_OK && (strlen(label) > 32 || strchr(label, '\n') != NULL))
        answer = SAR_NAMELENERR;
    if (answer == SAR_OK) {
        snprintf(work.token->label, sizeof work.token->label, "%s", label);
        work.changed = 1;
    }
    return work_end(&work, answer);
}

static void describe(const Token *token, DEVINFO *information)
{
    memset(information, 0, sizeof *information);
    information->Version = (VERSION){1, 0};
    strncpy(information->Manufacturer, "Keydesk", sizeof information->Manufacturer - 1);
    strncpy(information->Issuer, "Keydesk soft token", sizeof information->Issuer - 1);
    memcpy(information->Label, token->label, strlen(token->label));
    memcpy(information->SerialNumber, token->serial, strlen(token->serial));
    information->HWVersion = (VERSION){1, 0};
    information->FirmwareVersion = (VERSION){1, 0};
    information->AlgSymCap = SGD_SM4_ECB;
    /* A foreign one tells nothing of SM2, so that either number has to be tried. */
    information->AlgAsymCap = SGD_SM2_1 == 0x00020200u ? SGD_SM2_1 : SGD_RSA;
    information->AlgHashCap = SGD_SM3;
    information->DevAuthAlgId = SGD_SM4_ECB;
    information->TotalSpace = token->room;
    information->FreeSpace = token_free_room(token);
    information->MaxECCBufferSize = HASH;
    information->MaxBufferSize = LONGEST_CERTIFICATE;
}

static ULONG device_information(DEVHANDLE handle, DEVINFO *information)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_DEVICE);

    if (answer == SAR_OK && information == NULL)
        answer = SAR_INVALIDPARAMERR;
    if (answer == SAR_OK)
        describe(work.token, information);
    return work_end(&work, answer);
}

/* Other processes wait, or give up, until the key is unlocked. The limit is in milliseconds; all ones wait for ever. */
static ULONG lock_device(DEVHANDLE handle, ULONG limit)
{
    Object *object;
    char path[PATH_MAX];
    ULONG answer = object_find(handle, HANDLE_DEVICE, &object);

    if (answer != SAR_OK || object->lock >= 0)
        return answer;
    snprintf(path, sizeof path, "%s/%s/lock", state_folder(), object->device.name);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return SAR_FILEERR;
    for (ULONG waited = 0; flock(lock, LOCK_EX | LOCK_NB) != 0; waited += 10) {
        if (limit != UINT32_MAX && waited >= limit) {
            device_unlock(lock);
            return SAR_TIMEOUTERR;
        }
        sleep_milliseconds(10);
    }
    object->lock = lock;
    return SAR_OK;
}

static ULONG unlock_device(DEVHANDLE handle)
{
    Object *object;
    ULONG answer = object_find(handle, HANDLE_DEVICE, &object);

    if (answer != SAR_OK)
        return answer;
    device_unlock(object->lock);
    object->lock = -1;
    return SAR_OK;
}

/* The last random bytes are the challenge of device authentication. */
static ULONG generate_random(DEVHANDLE handle, BYTE *random, ULONG length)
{
    Object *object;
    ULONG answer = object_find(handle, HANDLE_DEVICE, &object);

    if (answer != SAR_OK)
        return answer;
    if (random == NULL || length == 0 || length > LONGEST_CERTIFICATE)
        return SAR_INVALIDPARAMERR;
    if (RAND_bytes(random, (int)length) != 1)
        return SAR_GENRANDERR;
    object->challenge_length = length < sizeof object->challenge ? length : sizeof object->challenge;
    memcpy(object->challenge, random, object->challenge_length);
    return SAR_OK;
}

ULONG SKF_WaitForDevEvent(LPSTR szDevName, ULONG *pulDevNameLen, ULONG *pulEvent)
{
    ANSWER(wait_for_event(szDevName, pulDevNameLen, pulEvent));
}

ULONG SKF_CancelWaitForDevEvent(void)
{
    ANSWER(cancel_wait());
}

ULONG SKF_EnumDev(BOOL bPresent, LPSTR szNameList, ULONG *pulSize)
{
    ANSWER(enumerate(bPresent, szNameList, pulSize));
}

ULONG SKF_ConnectDev(LPSTR szName, DEVHANDLE *phDev)
{
    ANSWER(connect_device(szName, phDev));
}

ULONG SKF_DisConnectDev(DEVHANDLE hDev)
{
    ANSWER(disconnect(hDev));
}

ULONG SKF_GetDevState(LPSTR szDevName, ULONG *pulDevState)
{
    ANSWER(device_state(szDevName, pulDevState));
}

ULONG SKF_SetLabel(DEVHANDLE hDev, LPSTR szLabel)
{
    ANSWER(set_label(hDev, szLabel));
}

ULONG SKF_GetDevInfo(DEVHANDLE hDev, DEVINFO *pDevInfo)
{
    ANSWER(device_information(hDev, pDevInfo));
}

ULONG SKF_LockDev(DEVHANDLE hDev, ULONG ulTimeOut)
{
    ANSWER(lock_device(hDev, ulTimeOut));
}

ULONG SKF_UnlockDev(DEVHANDLE hDev)
{
    ANSWER(unlock_device(hDev));
}

ULONG SKF_GenRandom(DEVHANDLE hDev, BYTE *pbRandom, ULONG ulRandomLen)
{
    ANSWER(generate_random(hDev, pbRandom, ulRandomLen));
}
