/* A library that follows GM/T 0016's prototypes and is odd in the way that ODD_LIBRARY names.
 *
 * It holds keys with one application and container each, and no secrets: those that the file ODD_KEYS names, one a
 * line, or a single one. A call for a key that was pulled answers ODD_REMOVED (hexadecimal). ULONG and HANDLE are given
 * when it is built, since vendors differ in both.
 */

#include "odd_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef ULONG
#define ULONG unsigned int
#endif
#ifndef HANDLE
#define HANDLE void *
#endif

#define EXPORT __attribute__((visibility("default")))
#define OK 0u
#define BUFFER_TOO_SMALL 0x0A000020u

#define DEVICE_HANDLE ((HANDLE)0x11)
#define APPLICATION_HANDLE ((HANDLE)0x22)
#define CONTAINER_HANDLE ((HANDLE)0x33)

#pragma pack(push, 1)
typedef struct {
    unsigned char version[2];
    char manufacturer[64], issuer[64], label[32], serial[32];
    unsigned char hardware[2], firmware[2];
    ULONG symmetric, asymmetric, hash, authentication, total, free, longest_ecc, longest;
    unsigned char reserved[64];
} Information;

typedef struct {
    ULONG bits;
    unsigned char x[64], y[64];
} PublicKey;

typedef struct {
    unsigned char iv[32];
    ULONG length, padding, feedback;
} CipherParameters;
#pragma pack(pop)

static const unsigned char generator[64] = {
    0x32, 0xC4, 0xAE, 0x2C, 0x1F, 0x19, 0x81, 0x19, 0x5F, 0x99, 0x04, 0x46, 0x6A, 0x39, 0xC9, 0x94,
    0x8F, 0xE3, 0x0B, 0xBF, 0xF2, 0x66, 0x0B, 0xE1, 0x71, 0x5A, 0x45, 0x89, 0x33, 0x4C, 0x74, 0xC7,
    0xBC, 0x37, 0x36, 0xA2, 0xF4, 0xF6, 0x77, 0x9C, 0x59, 0xBD, 0xCE, 0xE3, 0x6B, 0x69, 0x21, 0x53,
    0xD0, 0xA9, 0x87, 0x7C, 0xC6, 0x2A, 0x47, 0x40, 0x02, 0xDF, 0x32, 0xE5, 0x21, 0x39, 0xF0, 0xA0,
};

static int odd(const char *name)
{
    const char *chosen = getenv("ODD_LIBRARY");
    return chosen != NULL && strcmp(chosen, name) == 0;
}

static char connected[64];

/* Lists the keys that are in as the standard does, and returns the list's length. */
static size_t listed(char list[4096])
{
    const char *path = getenv("ODD_KEYS");
    size_t length;
    FILE *file;

    memset(list, 0, 4096);
    if (path == NULL) {
        strcpy(list, "Odd key");
        return strlen(list) + 2;
    }
    file = fopen(path, "r");
    if (file == NULL)
        return 1;
    length = fread(list, 1, 4094, file);
    fclose(file);
    for (size_t at = 0; at < length; at++)
        if (list[at] == '\n')
            list[at] = '\0';
    return length + 1;
}

static int is_listed(const char *list, const char *name)
{
    for (; *list != '\0'; list += strlen(list) + 1)
        if (strcmp(list, name) == 0)
            return 1;
    return 0;
}

/* What a call for the connected key answers: nothing wrong, or that it was pulled. */
static ULONG there(void)
{
    const char *code = getenv("ODD_REMOVED");
    char list[4096];

    listed(list);
    if (is_listed(list, connected))
        return OK;
    return code == NULL ? 0x0A000023u : (ULONG)strtoul(code, NULL, 16);
}

__attribute__((constructor)) static void loaded(void)
{
    if (odd("crashes-when-loaded"))
        raise(SIGSEGV);
    if (odd("hangs-when-loaded"))
        pause();
}

static ULONG give(const void *data, size_t length, void *to, ULONG *size)
{
    ULONG room = *size;

    *size = (ULONG)length;
    if (to == NULL)
        return OK;
    if (room < length)
        return BUFFER_TOO_SMALL;
    memcpy(to, data, length);
    return OK;
}

/* Makes the file ODD_WAITS: from now every insertion and removal is reported. */
static void tell_that_it_waits(void)
{
    const char *path = getenv("ODD_WAITS");
    FILE *file = path == NULL ? NULL : fopen(path, "w");

    if (file != NULL)
        fclose(file);
}

EXPORT ULONG SKF_WaitForDevEvent(char *name, ULONG *size, ULONG *event)
{
    static char before[4096];
    static int begun;
    char now[4096];

    if (odd("has-no-events"))
        return 0x0A000003;
    if (odd("does-not-wait")) {
        *event = 1;
        return give("Odd key", 8, name, size);
    }
    if (odd("limits-its-waits")) {
        usleep(100000);
        return 0x0A000022;
    }
    if (odd("leaves-a-child")) {
        leave_a_child();
        pause();
    }
    if (!begun) {
        listed(before);
        tell_that_it_waits();
    }
    begun = 1;
    for (;; usleep(5000)) {
        listed(now);
        for (int inserted = 0; inserted < 2; inserted++)
            for (const char *each = inserted ? now : before; *each != '\0'; each += strlen(each) + 1)
                if (!is_listed(inserted ? before : now, each)) {
                    ULONG code = give(each, strlen(each) + 1, name, size);

                    *event = inserted ? 1 : 2;
                    memcpy(before, now, sizeof before);
                    return code;
                }
    }
}

EXPORT ULONG SKF_EnumDev(int present, char *list, ULONG *size)
{
    ULONG room = *size;
    char keys[4096];

    (void)present;
    if (odd("wants-too-much")) {
        *size = 0x7FFFFFFF;
        return OK;
    }
    if (odd("never-enough")) {
        *size = room + 1;
        return BUFFER_TOO_SMALL;
    }
    if (odd("claims-more") && list != NULL) {
        *size = room + 1;
        return OK;
    }
    if (odd("wants-less-than-nought")) {
        *size = (ULONG)-1;
        return OK;
    }
    if (odd("grows") && list == NULL) {
        *size = 2;
        return OK;
    }
    if (odd("leaves-a-child")) {
        leave_a_child();
        raise(SIGSEGV);
    }
    if (odd("comes-back-twice") && second_process())
        return OK;
    if (odd("makes-itself-at-home"))
        make_itself_at_home();
    if (odd("refuses-to-be-dumpable") && prctl(PR_GET_DUMPABLE) != 0)
        return 0x0A000001;
    if (odd("overruns") && list != NULL)
        memset(list, 'x', room + 100);
    if (odd("cannot-be-asked") && list == NULL)
        return 0x0A000006;
    if (odd("fails"))
        return 0x0A000001;
    if (odd("exits"))
        exit(3);
    if (odd("hangs"))
        for (;;)
            pause();
    if (odd("prints"))
        for (int line = 0; line < 20000; line++) {
            printf("a line that nobody wants to see\n");
            fprintf(stderr, "another\n");
        }
    fflush(stdout);
    if (odd("closes-its-descriptors"))
        for (int descriptor = 0; descriptor < 64; descriptor++)
            close(descriptor);
    if (odd("has-none"))
        return give("\0", 2, list, size);
    return give(keys, listed(keys), list, size);
}

EXPORT ULONG SKF_ConnectDev(const char *name, HANDLE *device)
{
    snprintf(connected, sizeof connected, "%s", name);
    if (there() != OK)
        return there();
    *device = odd("gives-no-handle") ? (HANDLE)0 : DEVICE_HANDLE;
    return OK;
}

EXPORT ULONG SKF_DisConnectDev(HANDLE device)
{
    return device == DEVICE_HANDLE ? OK : 0x0A000005;
}

EXPORT ULONG SKF_GetDevInfo(HANDLE device, Information *information)
{
    if (device != DEVICE_HANDLE || there() != OK)
        return there();
    memset(information, 0, sizeof *information);
    strcpy(information->manufacturer, "Nobody");
    strcpy(information->serial, odd("has-no-serial") ? "" : "0DD0000000000001");
    if (odd("fills-its-fields")) {
        memset(information->manufacturer, '\0', sizeof information->manufacturer);
        memcpy(information->manufacturer, "\xC1\xFA\xC2\xF6\x1B[2J", 8);
        for (int at = 0; at < 32; at++) {
            information->label[at] = at % 2 ? '\xC6' : '\xC3';
            information->serial[at] = 'A';
        }
    }
    information->authentication = 0x0101; /* SGD_SM1_ECB */
    information->total = 65536;
    information->free = 4096;
    return OK;
}

EXPORT ULONG SKF_EnumApplication(HANDLE device, char *list, ULONG *size)
{
    return device == DEVICE_HANDLE && there() == OK ? give("KEYDESK\0", 9, list, size) : there();
}

EXPORT ULONG SKF_OpenApplication(HANDLE device, const char *name, HANDLE *application)
{
    (void)name;
    if (there() != OK)
        return there();
    *application = APPLICATION_HANDLE;
    return device == DEVICE_HANDLE ? OK : 0x0A000005;
}

EXPORT ULONG SKF_CloseApplication(HANDLE application)
{
    return application == APPLICATION_HANDLE ? OK : 0x0A000005;
}

EXPORT ULONG SKF_DeleteApplication(HANDLE device, const char *name)
{
    (void)name;
    return device == DEVICE_HANDLE ? there() : 0x0A000005;
}

EXPORT ULONG SKF_CreateApplication(HANDLE device, const char *name, const char *administrator, ULONG administrator_tries,
                                   const char *user, ULONG user_tries, ULONG rights, HANDLE *application)
{
    if (there() != OK)
        return there();
    if (device != DEVICE_HANDLE || strcmp(name, "KEYDESK") != 0 || strcmp(administrator, "12345678") != 0
        || administrator_tries != 10 || strcmp(user, "111111") != 0 || user_tries != 10 || rights != 0x10)
        return 0x0A000006;
    *application = APPLICATION_HANDLE;
    return OK;
}

EXPORT ULONG SKF_SetSymmKey(HANDLE device, const unsigned char *key, ULONG algorithm, HANDLE *cipher)
{
    if (device != DEVICE_HANDLE || memcmp(key, "1234567812345678", 16) != 0 || algorithm != 0x0101)
        return 0x0A000006;
    *cipher = (HANDLE)0x44;
    return OK;
}

EXPORT ULONG SKF_EncryptInit(HANDLE cipher, CipherParameters parameters)
{
    static const CipherParameters nought;

    return cipher == (HANDLE)0x44 && memcmp(&parameters, &nought, sizeof nought) == 0 ? OK : 0x0A000006;
}

EXPORT ULONG SKF_Encrypt(HANDLE cipher, const unsigned char *data, ULONG length, unsigned char *sealed, ULONG *size)
{
    unsigned char turned[16];

    if (cipher != (HANDLE)0x44 || length != sizeof turned)
        return 0x0A000006;
    for (int at = 0; at < 16; at++)
        turned[at] = data[at] ^ 0xFF;
    return give(turned, sizeof turned, sealed, size);
}

EXPORT ULONG SKF_CloseHandle(HANDLE handle)
{
    return handle == (HANDLE)0x44 ? OK : 0x0A000005;
}

EXPORT ULONG SKF_DevAuth(HANDLE device, const unsigned char *proof, ULONG length)
{
    static const unsigned char filled[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

    if (there() != OK)
        return there();
    return device == DEVICE_HANDLE && length == 16 && memcmp(proof + 8, filled, 8) == 0 && proof[0] == 0xFE
               ? OK
               : 0x0A000033;
}

EXPORT ULONG SKF_GetPINInfo(HANDLE application, ULONG kind, ULONG *allowed, ULONG *left, int *factory)
{
    (void)kind;
    if (there() != OK)
        return there();
    if (odd("knows-no-tries"))
        return 0x0A000003;
    *allowed = 10;
    *left = odd("has-too-many-tries") ? 11 : 7;
    *factory = 1;
    return application == APPLICATION_HANDLE ? OK : 0x0A000005;
}

EXPORT ULONG SKF_VerifyPIN(HANDLE application, ULONG kind, const char *pin, ULONG *left)
{
    printf("%s %s\n", "the PIN is", pin);
    fflush(stdout);
    (void)kind;
    if (there() != OK)
        return there();
    if (application == APPLICATION_HANDLE && strcmp(pin, "246810") == 0)
        return OK;
    *left = odd("reports-the-tries") ? 5 : 0;
    return 0x0A000024;
}

EXPORT ULONG SKF_CreateContainer(HANDLE application, const char *name, HANDLE *container)
{
    (void)application;
    (void)name;
    if (there() != OK)
        return there();
    *container = CONTAINER_HANDLE;
    return OK;
}

EXPORT ULONG SKF_OpenContainer(HANDLE application, const char *name, HANDLE *container)
{
    (void)application;
    (void)name;
    if (there() != OK)
        return there();
    *container = CONTAINER_HANDLE;
    return OK;
}

EXPORT ULONG SKF_CloseContainer(HANDLE container)
{
    return container == CONTAINER_HANDLE ? OK : 0x0A000005;
}

EXPORT ULONG SKF_EnumContainer(HANDLE application, char *list, ULONG *size)
{
    (void)application;
    if (there() != OK)
        return there();
    return give("KEYDESK-SIGN\0", 14, list, size);
}

static void fill(PublicKey *key)
{
    memset(key, 0, sizeof *key);
    key->bits = odd("has-a-long-key") ? 512 : 256;
    memcpy(key->x + 32, generator, 32);
    memcpy(key->y + 32, generator + 32, 32);
    if (odd("aligns-left"))
        memcpy(key->x, generator, 32);
    if (odd("leaves-the-curve"))
        key->y[63] ^= 1;
}

EXPORT ULONG SKF_ExportPublicKey(HANDLE container, int signature, unsigned char *blob, ULONG *size)
{
    PublicKey key;

    (void)signature;
    if (there() != OK)
        return there();
    fill(&key);
    if (odd("has-a-blank-key"))
        memset(&key, 0, sizeof key);
    return container == CONTAINER_HANDLE ? give(&key, odd("has-a-short-key") ? 40 : sizeof key, blob, size) : 0x0A000005;
}

EXPORT ULONG SKF_GenECCKeyPair(HANDLE container, ULONG algorithm, PublicKey *key)
{
    if (there() != OK)
        return there();
    fill(key);
    if (odd("makes-another-key"))
        memset(key, 1, sizeof *key);
    return container == CONTAINER_HANDLE && algorithm == 0x00020200 ? OK : 0x0A000006;
}

EXPORT ULONG SKF_ECCSignData(HANDLE container, const unsigned char *digest, ULONG length, unsigned char *signature)
{
    if (there() != OK)
        return there();
    if (container != CONTAINER_HANDLE || digest == NULL || length != 32)
        return 0x0A000006;
    memset(signature, 0, 128);
    if (!odd("signs-nought")) {
        signature[63] = 1;
        signature[127] = 2;
    }
    return OK;
}

EXPORT ULONG SKF_ImportCertificate(HANDLE container, int signature, const unsigned char *certificate, ULONG length)
{
    (void)container;
    if (there() != OK)
        return there();
    return signature == 1 && certificate != NULL && length > 0 ? OK : 0x0A000006;
}

EXPORT ULONG SKF_ExportCertificate(HANDLE container, int signature, unsigned char *certificate, ULONG *size)
{
    (void)container;
    (void)signature;
    if (there() != OK)
        return there();
    if (odd("has-a-huge-certificate")) {
        *size = 1 << 20;
        return OK;
    }
    if (odd("pads-its-certificate"))
        return give("\x30\x03\x02\x01\x05\0\0\0\0\0\0", 11, certificate, size);
    return give("certificate", 11, certificate, size);
}

EXPORT ULONG SKF_GenRandom(HANDLE device, unsigned char *data, ULONG length)
{
    if (device != DEVICE_HANDLE || there() != OK)
        return there();
    memset(data, odd("is-not-random") ? 0 : 1, length);
    return OK;
}
