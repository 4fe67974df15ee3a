/* A key's file: lines of a word and its value, read and written whole. */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char FACTORY_DEVICE_KEY[] = "1234567812345678";

static void blank(Token *token, const char *device)
{
    snprintf(token->serial, sizeof token->serial, "%.32s", device);
    snprintf(token->label, sizeof token->label, "soft token");
    memcpy(token->device_key, FACTORY_DEVICE_KEY, sizeof token->device_key);
    token->room = 32768;
    token->most_applications = 4;
    token->most_containers = 4;
}

static ULONG from_hexadecimal(const char *text, BYTE *data, size_t capacity)
{
    size_t length = 0;
    unsigned int byte;

    while (length < capacity && sscanf(text + 2 * length, "%2x", &byte) == 1) {
        data[length++] = (BYTE)byte;
        if (text[2 * length - 1] == '\0')
            break;
    }
    return (ULONG)length;
}

static void write_hexadecimal(FILE *file, const char *word, const BYTE *data, size_t length)
{
    fprintf(file, "%s ", word);
    for (size_t at = 0; at < length; at++)
        fprintf(file, "%02x", data[at]);
    fputc('\n', file);
}

static void read_pin(const char *value, Pin *pin)
{
    from_hexadecimal(value, pin->hash, HASH);
    if (strlen(value) > 2 * HASH)
        sscanf(value + 2 * HASH, "%u %u %u", &pin->left, &pin->most, &pin->is_default);
}

static void write_pin(FILE *file, const char *word, const Pin *pin)
{
    fprintf(file, "%s ", word);
    for (size_t at = 0; at < HASH; at++)
        fprintf(file, "%02x", pin->hash[at]);
    fprintf(file, " %u %u %u\n", pin->left, pin->most, pin->is_default);
}

static int read_token_line(Token *token, const char *word, const char *value)
{
    if (strcmp(word, "serial") == 0)
        snprintf(token->serial, sizeof token->serial, "%.32s", value);
    else if (strcmp(word, "label") == 0)
        snprintf(token->label, sizeof token->label, "%.32s", value);
    else if (strcmp(word, "device-key") == 0)
        from_hexadecimal(value, token->device_key, sizeof token->device_key);
    else if (strcmp(word, "room") == 0)
        token->room = (ULONG)strtoul(value, NULL, 10);
    else if (strcmp(word, "most-applications") == 0)
        token->most_applications = (ULONG)strtoul(value, NULL, 10);
    else if (strcmp(word, "most-containers") == 0)
        token->most_containers = (ULONG)strtoul(value, NULL, 10);
    else
        return 0;
    return 1;
}

static void read_container_line(Container *container, const char *word, const char *value)
{
    if (strcmp(word, "private-key") == 0)
        container->has_key_pair = from_hexadecimal(value, container->private_key, COORDINATE) == COORDINATE;
    else if (strcmp(word, "public-key") == 0)
        from_hexadecimal(value, container->public_key, 2 * COORDINATE);
    else if (strcmp(word, "encryption-certificate") == 0)
        container->certificate_length[0] = from_hexadecimal(value, container->certificate[0], LONGEST_CERTIFICATE);
    else if (strcmp(word, "signature-certificate") == 0)
        container->certificate_length[1] = from_hexadecimal(value, container->certificate[1], LONGEST_CERTIFICATE);
}

static void read_application_line(Application *application, const char *word, const char *value)
{
    if (strcmp(word, "administrator-pin") == 0)
        read_pin(value, &application->pins[ADMIN_TYPE]);
    else if (strcmp(word, "user-pin") == 0)
        read_pin(value, &application->pins[USER_TYPE]);
    else if (strcmp(word, "rights") == 0)
        application->rights = (ULONG)strtoul(value, NULL, 10);
    else if (strcmp(word, "container") == 0 && application->container_count < MOST_CONTAINERS)
        snprintf(application->containers[application->container_count++].name, LONGEST_NAME + 1, "%s", value);
    else if (application->container_count > 0)
        read_container_line(&application->containers[application->container_count - 1], word, value);
}

static void read_line(Token *token, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *value = strchr(line, ' ');
    if (value == NULL)
        return;
    *value++ = '\0';
    if (strcmp(line, "application") == 0 && token->application_count < MOST_APPLICATIONS)
        snprintf(token->applications[token->application_count++].name, LONGEST_NAME + 1, "%s", value);
    else if (!read_token_line(token, line, value) && token->application_count > 0)
        read_application_line(&token->applications[token->application_count - 1], line, value);
}

Token *token_load(const char *device)
{
    char path[PATH_MAX];
    char *line = NULL;
    size_t capacity = 0;
    Token *token = calloc(1, sizeof *token);

    if (token == NULL)
        return NULL;
    blank(token, device);
    snprintf(path, sizeof path, "%s/%s/state", state_folder(), device);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        if (errno == ENOENT)
            return token;
        free(token);
        return NULL;
    }
    while (getline(&line, &capacity, file) > 0)
        read_line(token, line);
    free(line);
    fclose(file);
    return token;
}

static void write_container(FILE *file, const Container *container)
{
    fprintf(file, "container %s\n", container->name);
    if (container->has_key_pair) {
        write_hexadecimal(file, "private-key", container->private_key, COORDINATE);
        write_hexadecimal(file, "public-key", container->public_key, sizeof container->public_key);
    }
    if (container->certificate_length[0] > 0)
        write_hexadecimal(file, "encryption-certificate", container->certificate[0],
                          container->certificate_length[0]);
    if (container->certificate_length[1] > 0)
        write_hexadecimal(file, "signature-certificate", container->certificate[1],
                          container->certificate_length[1]);
}

static void write_token(FILE *file, const Token *token)
{
    fprintf(file, "serial %s\nlabel %s\n", token->serial, token->label);
    write_hexadecimal(file, "device-key", token->device_key, sizeof token->device_key);
    fprintf(file, "room %u\nmost-applications %u\nmost-containers %u\n", token->room, token->most_applications,
            token->most_containers);
    for (ULONG at = 0; at < token->application_count; at++) {
        const Application *application = &token->applications[at];
        fprintf(file, "application %s\nrights %u\n", application->name, application->rights);
        write_pin(file, "administrator-pin", &application->pins[ADMIN_TYPE]);
        write_pin(file, "user-pin", &application->pins[USER_TYPE]);
        for (ULONG inner = 0; inner < application->container_count; inner++)
            write_container(file, &application->containers[inner]);
    }
}

ULONG token_save(const char *device, const Token *token)
{
    char path[PATH_MAX];
    char temporary[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s/state", state_folder(), device);
    snprintf(temporary, sizeof temporary, "%s/%s/state.new", state_folder(), device);
    FILE *file = fopen(temporary, "we");
    if (file == NULL)
        return SAR_FILEERR;
    write_token(file, token);
    int failed = fflush(file) != 0 || ferror(file);
    if (fclose(file) != 0 || failed || rename(temporary, path) != 0)
        return SAR_FILEERR;
    return SAR_OK;
}

ULONG token_free_room(const Token *token)
{
    ULONG used = 0;

    for (ULONG at = 0; at < token->application_count; at++) {
        const Application *application = &token->applications[at];
        used += APPLICATION_ROOM;
        for (ULONG inner = 0; inner < application->container_count; inner++) {
            const Container *container = &application->containers[inner];
            used += CONTAINER_ROOM + (container->has_key_pair ? KEY_PAIR_ROOM : 0u);
            used += container->certificate_length[0] + container->certificate_length[1];
        }
    }
    return used < token->room ? token->room - used : 0;
}

Application *token_application(Token *token, const char *name)
{
    for (ULONG at = 0; at < token->application_count; at++)
        if (strcmp(token->applications[at].name, name) == 0)
            return &token->applications[at];
    return NULL;
}

Container *application_container(Application *application, const char *name)
{
    for (ULONG at = 0; at < application->container_count; at++)
        if (strcmp(application->containers[at].name, name) == 0)
            return &application->containers[at];
    return NULL;
}
