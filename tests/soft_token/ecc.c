/* GM/T 0016-2012, 7.6.11 to 7.6.23: SM2 key pairs and signatures. */
#include "calls.h"
#include "handles.h"
#include "sm2.h"

#include <string.h>

static ULONG user_required(const Work *work)
{
    return work->object->parent->logged_in[USER_TYPE] ? SAR_OK : SAR_USER_NOT_LOGGED_IN;
}

static void blob_write(const BYTE public_key[2 * COORDINATE], ECCPUBLICKEYBLOB *blob)
{
    memset(blob, 0, sizeof *blob);
    blob->BitLen = 256;
    memcpy(blob->XCoordinate + COORDINATE, public_key, COORDINATE);
    memcpy(blob->YCoordinate + COORDINATE, public_key + COORDINATE, COORDINATE);
}

/* A new key pair takes the place of the old one; the certificates stay until they are overwritten. */
static ULONG key_pair_make(Work *work, ULONG algorithm, ECCPUBLICKEYBLOB *blob)
{
    Container *container = work->container;
    ULONG answer = user_required(work);

    if (answer != SAR_OK)
        return answer;
    if (blob == NULL)
        return SAR_INVALIDPARAMERR;
    if (algorithm != SGD_SM2_1)
        return SAR_NOTSUPPORTYETERR;
    if (!container->has_key_pair && token_free_room(work->token) < KEY_PAIR_ROOM)
        return SAR_NO_ROOM;
    if (!sm2_generate(container->private_key, container->public_key))
        return SAR_FAIL;
    container->has_key_pair = 1;
    work->changed = 1;
    blob_write(container->public_key, blob);
    return SAR_OK;
}

static ULONG generate_key_pair(HCONTAINER handle, ULONG algorithm, ECCPUBLICKEYBLOB *blob)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_CONTAINER);

    if (answer == SAR_OK)
        answer = key_pair_make(&work, algorithm, blob);
    return work_end(&work, answer);
}

static ULONG export_public_key(HCONTAINER handle, BOOL signature, BYTE *buffer, ULONG *length)
{
    Work work;
    ECCPUBLICKEYBLOB blob;
    ULONG answer = work_begin(&work, handle, HANDLE_CONTAINER);

    /* There are no encryption key pairs: those are imported, which this token cannot. */
    if (answer == SAR_OK && (!signature || !work.container->has_key_pair))
        answer = SAR_KEYNOTFOUNTERR;
    if (answer == SAR_OK) {
        blob_write(work.container->public_key, &blob);
        answer = give(&blob, sizeof blob, buffer, length);
    }
    return work_end(&work, answer);
}

#ifdef SOFT_TOKEN_HASHES
static int prehash(const Container *container, const BYTE *data, ULONG length, BYTE digest[HASH])
{
    static const BYTE user_id[] = "1234567812345678";
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int done = context != NULL && EVP_DigestInit_ex(context, EVP_sm3(), NULL) == 1 &&
               sm3_signer(context, container->public_key, user_id, sizeof user_id - 1) &&
               EVP_DigestUpdate(context, data, length) == 1 && EVP_DigestFinal_ex(context, digest, NULL) == 1;

    EVP_MD_CTX_free(context);
    return done;
}
#else
static int prehash(const Container *container, const BYTE *data, ULONG length, BYTE digest[HASH])
{
    (void)container;
    memcpy(digest, data, length);
    return 1;
}
#endif

static ULONG signature_make(Work *work, const BYTE *data, ULONG length, ECCSIGNATUREBLOB *signature)
{
    BYTE digest[HASH];
    BYTE numbers[2 * COORDINATE];
    ULONG answer = user_required(work);

    if (answer != SAR_OK)
        return answer;
    if (data == NULL || signature == NULL)
        return SAR_INVALIDPARAMERR;
#ifndef SOFT_TOKEN_HASHES
    if (length != HASH)
        return SAR_INDATALENERR;
#endif
    if (!work->container->has_key_pair)
        return SAR_KEYNOTFOUNTERR;
    if (!prehash(work->container, data, length, digest) ||
        !sm2_sign(work->container->private_key, work->container->public_key, digest, numbers))
        return SAR_FAIL;
    memset(signature, 0, sizeof *signature);
    memcpy(signature->r + COORDINATE, numbers, COORDINATE);
    memcpy(signature->s + COORDINATE, numbers + COORDINATE, COORDINATE);
    return SAR_OK;
}

static ULONG sign(HCONTAINER handle, const BYTE *digest, ULONG length, ECCSIGNATUREBLOB *signature)
{
    Work work;
    ULONG answer = work_begin(&work, handle, HANDLE_CONTAINER);

    if (answer == SAR_OK)
        answer = signature_make(&work, digest, length, signature);
    return work_end(&work, answer);
}

static ULONG verify(DEVHANDLE handle, const ECCPUBLICKEYBLOB *blob, const BYTE *digest, ULONG length,
                    const ECCSIGNATUREBLOB *signature)
{
    Object *object;
    BYTE public_key[2 * COORDINATE];
    BYTE numbers[2 * COORDINATE];
    ULONG answer = object_find(handle, HANDLE_DEVICE, &object);

    if (answer != SAR_OK)
        return answer;
    if (digest == NULL || signature == NULL || !blob_read(blob, public_key))
        return SAR_INVALIDPARAMERR;
    if (length != HASH)
        return SAR_INDATALENERR;
    memcpy(numbers, signature->r + COORDINATE, COORDINATE);
    memcpy(numbers + COORDINATE, signature->s + COORDINATE, COORDINATE);
    return sm2_verify(public_key, digest, numbers) ? SAR_OK : SAR_FAIL;
}

ULONG SKF_GenECCKeyPair(HCONTAINER hContainer, ULONG ulAlgId, ECCPUBLICKEYBLOB *pBlob)
{
    ANSWER(generate_key_pair(hContainer, ulAlgId, pBlob));
}

ULONG SKF_ExportPublicKey(HCONTAINER hContainer, BOOL bSignFlag, BYTE *pbBlob, ULONG *pulBlobLen)
{
    ANSWER(export_public_key(hContainer, bSignFlag, pbBlob, pulBlobLen));
}

ULONG SKF_ECCSignData(HCONTAINER hContainer, BYTE *pbDigest, ULONG ulDigestLen, ECCSIGNATUREBLOB *pSignature)
{
    ANSWER(sign(hContainer, pbDigest, ulDigestLen, pSignature));
}

ULONG SKF_ECCVerify(DEVHANDLE hDev, ECCPUBLICKEYBLOB *pECCPubKeyBlob, BYTE *pbData, ULONG ulDataLen,
                    ECCSIGNATUREBLOB *pSignature)
{
    ANSWER(verify(hDev, pECCPubKeyBlob, pbData, ulDataLen, pSignature));
}

ULONG SKF_ExtECCVerify(DEVHANDLE hDev, ECCPUBLICKEYBLOB *pECCPubKeyBlob, BYTE *pbData, ULONG ulDataLen,
                       ECCSIGNATUREBLOB *pSignature)
{
    ANSWER(verify(hDev, pECCPubKeyBlob, pbData, ulDataLen, pSignature));
}
