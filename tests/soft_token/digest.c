/* GM/T 0016-2012, 7.6.34 to 7.6.42: SM3, with the signer's Z where a public key is given. */
#include "calls.h"
#include "handles.h"
#include "sm2.h"

#include <string.h>

enum { LONGEST_USER_ID = 8191 }; /* its bits are counted in two bytes */

static ULONG digest_prepare(Object *digest, const ECCPUBLICKEYBLOB *blob, const BYTE *user_id, ULONG length)
{
    BYTE public_key[2 * COORDINATE];

    digest->digest = EVP_MD_CTX_new();
    if (digest->digest == NULL || EVP_DigestInit_ex(digest->digest, EVP_sm3(), NULL) != 1)
        return SAR_HASHERR;
    if (blob == NULL)
        return SAR_OK;
    if (user_id == NULL || length == 0 || length > LONGEST_USER_ID || !blob_read(blob, public_key))
        return SAR_INVALIDPARAMERR;
    return sm3_signer(digest->digest, public_key, user_id, length) ? SAR_OK : SAR_HASHERR;
}

static ULONG digest_begin(DEVHANDLE handle, ULONG algorithm, const ECCPUBLICKEYBLOB *blob, const BYTE *user_id,
                          ULONG length, HANDLE *digest)
{
    Object *device;
    ULONG answer = object_find(handle, HANDLE_DEVICE, &device);

    if (answer != SAR_OK)
        return answer;
    if (digest == NULL)
        return SAR_INVALIDPARAMERR;
    if (algorithm != SGD_SM3)
        return SAR_NOTSUPPORTYETERR;
    Object *object = object_new(HANDLE_DIGEST, device, NULL);
    if (object == NULL)
        return SAR_MEMORYERR;
    answer = digest_prepare(object, blob, user_id, length);
    if (answer == SAR_OK)
        *digest = object_handle(object);
    else
        object_free(object);
    return answer;
}

static ULONG digest_find(HANDLE handle, Object **object)
{
    ULONG answer = object_find(handle, HANDLE_DIGEST, object);
    return answer == SAR_OK && (*object)->digest == NULL ? SAR_NOTINITIALIZEERR : answer;
}

static ULONG digest_update(HANDLE handle, const BYTE *data, ULONG length)
{
    Object *object;
    ULONG answer = digest_find(handle, &object);

    if (answer != SAR_OK)
        return answer;
    if (data == NULL && length > 0)
        return SAR_INVALIDPARAMERR;
    return EVP_DigestUpdate(object->digest, data, length) == 1 ? SAR_OK : SAR_HASHERR;
}

/* A call for the length alone, or with too little room, leaves the digest as it was. */
static ULONG digest_room(HANDLE handle, const BYTE *hash, ULONG *length)
{
    Object *object;
    ULONG answer = digest_find(handle, &object);

    if (answer != SAR_OK)
        return answer;
    if (length == NULL)
        return SAR_INVALIDPARAMERR;
    if (hash != NULL && *length < HASH) {
        *length = HASH;
        return SAR_BUFFER_TOO_SMALL;
    }
    *length = HASH;
    return SAR_OK;
}

static ULONG digest_end(HANDLE handle, BYTE *hash, ULONG *length)
{
    Object *object;
    ULONG answer = digest_room(handle, hash, length);

    if (answer != SAR_OK || hash == NULL)
        return answer;
    object = object_known(handle, HANDLE_DIGEST);
    int done = EVP_DigestFinal_ex(object->digest, hash, NULL) == 1;
    EVP_MD_CTX_free(object->digest);
    object->digest = NULL;
    return done ? SAR_OK : SAR_HASHERR;
}

static ULONG digest_whole(HANDLE handle, const BYTE *data, ULONG length, BYTE *hash, ULONG *hash_length)
{
    ULONG answer = digest_room(handle, hash, hash_length);

    if (answer != SAR_OK || hash == NULL)
        return answer;
    answer = digest_update(handle, data, length);
    return answer == SAR_OK ? digest_end(handle, hash, hash_length) : answer;
}

static ULONG close_handle(HANDLE handle)
{
    Object *object;
    ULONG answer = object_find(handle, HANDLE_DIGEST, &object);

    if (answer == SAR_OK)
        object_free(object);
    return answer;
}

ULONG SKF_DigestInit(DEVHANDLE hDev, ULONG ulAlgID, ECCPUBLICKEYBLOB *pPubKey, BYTE *pbID, ULONG ulIDLen,
                     HANDLE *phHash)
{
    ANSWER(digest_begin(hDev, ulAlgID, pPubKey, pbID, ulIDLen, phHash));
}

ULONG SKF_Digest(HANDLE hHash, BYTE *pbData, ULONG ulDataLen, BYTE *pbHashData, ULONG *pulHashLen)
{
    ANSWER(digest_whole(hHash, pbData, ulDataLen, pbHashData, pulHashLen));
}

ULONG SKF_DigestUpdate(HANDLE hHash, BYTE *pbData, ULONG ulDataLen)
{
    ANSWER(digest_update(hHash, pbData, ulDataLen));
}

ULONG SKF_DigestFinal(HANDLE hHash, BYTE *pbHashData, ULONG *pulHashLen)
{
    ANSWER(digest_end(hHash, pbHashData, pulHashLen));
}

ULONG SKF_CloseHandle(HANDLE hHandle)
{
    ANSWER(close_handle(hHandle));
}
