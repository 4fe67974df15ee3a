/* GM/T 0016-2012, 7.2: device authentication and PINs. */
#include "calls.h"
#include "pins.h"

#include <openssl/crypto.h>
#include <string.h>

enum { SHORTEST_PIN = 6, LONGEST_PIN = 16, BLOCK = 16 };

static int pin_hash(const char *value, BYTE hash[HASH])
{
    return EVP_Digest(value, strlen(value), hash, NULL, EVP_sm3(), NULL) == 1;
}

static ULONG pin_length_check(const char *value)
{
    if (value == NULL)
        return SAR_INVALIDPARAMERR;
    size_t length = strlen(value);
    return length < SHORTEST_PIN || length > LONGEST_PIN ? SAR_PIN_LEN_RANGE : SAR_OK;
}

ULONG pin_set(Pin *pin, const char *value, ULONG tries, ULONG is_default)
{
    ULONG answer = pin_length_check(value);

    if (answer != SAR_OK)
        return answer;
    if (!pin_hash(value, pin->hash))
        return SAR_HASHERR;
    pin->left = pin->most = tries;
    pin->is_default = is_default;
    return SAR_OK;
}

/* Check a PIN; a wrong one costs a try, and the right one gives all tries back. */
static ULONG pin_check(Work *work, ULONG type, const char *value, ULONG *left)
{
    BYTE hash[HASH];
    Pin *pin = &work->application->pins[type];
    ULONG answer = pin_length_check(value);

    if (left == NULL)
        return SAR_INVALIDPARAMERR;
    *left = pin->left;
    if (answer != SAR_OK)
        return answer;
    if (pin->left == 0)
        return SAR_PIN_LOCKED;
    if (!pin_hash(value, hash))
        return SAR_HASHERR;
    int right = CRYPTO_memcmp(hash, pin->hash, HASH) == 0;
    pin->left = right ? pin->most : pin->left - 1;
    work->changed = 1;
    work->object->logged_in[type] = 0;
    *left = pin->left;
    if (right)
        return SAR_OK;
    return pin->left == 0 ? SAR_PIN_LOCKED : SAR_PIN_INCORRECT;
}

static ULONG verify_pin(HAPPLICATION handle, ULONG type, LPSTR value, ULONG *left)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_APPLICATION);

    if (answer == SAR_OK && type > USER_TYPE)
        answer = SAR_USER_TYPE_INVALID;
    if (answer == SAR_OK)
        answer = pin_check(&work, type, value, left);
    if (answer == SAR_OK)
        work.object->logged_in[type] = 1;
    return work_end(&work, answer);
}

static ULONG change_pin(HAPPLICATION handle, ULONG type, LPSTR old, LPSTR new, ULONG *left)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_APPLICATION);

    if (answer == SAR_OK && type > USER_TYPE)
        answer = SAR_USER_TYPE_INVALID;
    if (answer == SAR_OK)
        answer = pin_length_check(new);
    if (answer == SAR_OK)
        answer = pin_check(&work, type, old, left);
    if (answer == SAR_OK) {
        Pin *pin = &work.application->pins[type];
        answer = pin_set(pin, new, pin->most, 0);
    }
    return work_end(&work, answer);
}

static ULONG unblock_pin(HAPPLICATION handle, LPSTR administrator, LPSTR new, ULONG *left)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_APPLICATION);

    if (answer == SAR_OK)
        answer = pin_length_check(new);
    if (answer == SAR_OK)
        answer = pin_check(&work, ADMIN_TYPE, administrator, left);
    if (answer == SAR_OK) {
        Pin *pin = &work.application->pins[USER_TYPE];
        answer = pin_set(pin, new, pin->most, 0);
    }
    return work_end(&work, answer);
}

static ULONG pin_information(HAPPLICATION handle, ULONG type, ULONG *most, ULONG *left, BOOL *is_default)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_APPLICATION);

    if (answer == SAR_OK && type > USER_TYPE)
        answer = SAR_USER_TYPE_INVALID;
    if (answer == SAR_OK && (most == NULL || left == NULL || is_default == NULL))
        answer = SAR_INVALIDPARAMERR;
    if (answer == SAR_OK) {
        const Pin *pin = &work.application->pins[type];
        *most = pin->most;
        *left = pin->left;
        *is_default = pin->is_default != 0;
    }
    return work_end(&work, answer);
}

static ULONG clear_secure_state(HAPPLICATION handle)
{
    Object *object;
    ULONG answer = object_find(handle, HANDLE_APPLICATION, &object);

    if (answer == SAR_OK)
        memset(object->logged_in, 0, sizeof object->logged_in);
    return answer;
}

static int sm4_block(const BYTE key[BLOCK], const BYTE in[BLOCK], BYTE out[BLOCK])
{
    int length = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int done = context != NULL && EVP_EncryptInit_ex(context, EVP_sm4_ecb(), NULL, key, NULL) == 1 &&
               EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
               EVP_EncryptUpdate(context, out, &length, in, BLOCK) == 1 && length == BLOCK;

    EVP_CIPHER_CTX_free(context);
    return done;
}

/* The proof is the last random bytes, filled up with zeros, encrypted; a challenge serves once (7.2.3). */
static ULONG prove(Work *work, const BYTE *proof, ULONG length)
{
    BYTE block[BLOCK] = {0};
    BYTE expected[BLOCK];
    Object *device = work->object;

    device->authenticated = 0;
    if (proof == NULL)
        return SAR_INVALIDPARAMERR;
    if (length != BLOCK)
        return SAR_INDATALENERR;
    if (device->challenge_length < 8)
        return SAR_NOTINITIALIZEERR;
    memcpy(block, device->challenge, device->challenge_length);
    device->challenge_length = 0;
    if (!sm4_block(work->token->device_key, block, expected))
        return SAR_FAIL;
    if (CRYPTO_memcmp(expected, proof, BLOCK) != 0)
        return SAR_FAIL;
    device->authenticated = 1;
    return SAR_OK;
}

static ULONG authenticate(DEVHANDLE handle, const BYTE *proof, ULONG length)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_DEVICE);

    if (answer == SAR_OK)
        answer = prove(&work, proof, length);
    return work_end(&work, answer);
}

static ULONG change_device_key(DEVHANDLE handle, const BYTE *key, ULONG length)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_DEVICE);

    if (answer == SAR_OK && !work.object->authenticated)
        answer = SAR_USER_NOT_LOGGED_IN;
    if (answer == SAR_OK && key == NULL)
        answer = SAR_INVALIDPARAMERR;
    if (answer == SAR_OK && length != BLOCK)
        answer = SAR_INDATALENERR;
    if (answer == SAR_OK) {
        memcpy(work.token->device_key, key, BLOCK);
        work.changed = 1;
    }
    return work_end(&work, answer);
}

ULONG SKF_ChangeDevAuthKey(DEVHANDLE hDev, BYTE *pbKeyValue, ULONG ulKeyLen)
{
    ANSWER(change_device_key(hDev, pbKeyValue, ulKeyLen));
}

ULONG SKF_DevAuth(DEVHANDLE hDev, BYTE *pbAuthData, ULONG ulLen)
{
    ANSWER(authenticate(hDev, pbAuthData, ulLen));
}

ULONG SKF_ChangePIN(HAPPLICATION hApplication, ULONG ulPINType, LPSTR szOldPin, LPSTR szNewPin, ULONG *pulRetryCount)
{
    ANSWER(change_pin(hApplication, ulPINType, szOldPin, szNewPin, pulRetryCount));
}

ULONG SKF_GetPINInfo(HAPPLICATION hApplication, ULONG ulPINType, ULONG *pulMaxRetryCount, ULONG *pulRemainRetryCount,
                     BOOL *pbDefaultPin)
{
    ANSWER(pin_information(hApplication, ulPINType, pulMaxRetryCount, pulRemainRetryCount, pbDefaultPin));
}

ULONG SKF_VerifyPIN(HAPPLICATION hApplication, ULONG ulPINType, LPSTR szPIN, ULONG *pulRetryCount)
{
    ANSWER(verify_pin(hApplication, ulPINType, szPIN, pulRetryCount));
}

ULONG SKF_UnblockPIN(HAPPLICATION hApplication, LPSTR szAdminPIN, LPSTR szNewUserPIN, ULONG *pulRetryCount)
{
    ANSWER(unblock_pin(hApplication, szAdminPIN, szNewUserPIN, pulRetryCount));
}

ULONG SKF_ClearSecureState(HAPPLICATION hApplication)
{
    ANSWER(clear_secure_state(hApplication));
}
