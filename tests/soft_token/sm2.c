#include "sm2.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <string.h>

enum { LONGEST_DER = 80 };

static int number_of(const EVP_PKEY *key, const char *parameter, BYTE number[COORDINATE])
{
    BIGNUM *value = NULL;
    int done = EVP_PKEY_get_bn_param(key, parameter, &value) == 1 &&
               BN_bn2binpad(value, number, COORDINATE) == COORDINATE;

    BN_clear_free(value);
    return done;
}

int sm2_generate(BYTE private_key[COORDINATE], BYTE public_key[2 * COORDINATE])
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    int done = key != NULL && number_of(key, OSSL_PKEY_PARAM_PRIV_KEY, private_key) &&
               number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, public_key) &&
               number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, public_key + COORDINATE);

    EVP_PKEY_free(key);
    return done;
}

/* Make libcrypto's key; a public one where there is no private number. */
static EVP_PKEY *key_of(const BIGNUM *private_number, const BYTE public_key[2 * COORDINATE])
{
    BYTE point[1 + 2 * COORDINATE] = {POINT_CONVERSION_UNCOMPRESSED};
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = NULL;
    OSSL_PARAM_BLD *building = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);

    memcpy(point + 1, public_key, 2 * COORDINATE);
    if (building != NULL && context != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(building, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(building, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1 &&
        (private_number == NULL ||
         OSSL_PARAM_BLD_push_BN(building, OSSL_PKEY_PARAM_PRIV_KEY, private_number) == 1))
        parameters = OSSL_PARAM_BLD_to_param(building);
    if (parameters == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, private_number == NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR,
                          parameters) != 1)
        key = NULL;
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(building);
    EVP_PKEY_CTX_free(context);
    return key;
}

static int der_read(const BYTE *der, size_t length, BYTE signature[2 * COORDINATE])
{
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long)length);
    int done = numbers != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), signature, COORDINATE) == COORDINATE &&
               BN_bn2binpad(ECDSA_SIG_get0_s(numbers), signature + COORDINATE, COORDINATE) == COORDINATE;

    ECDSA_SIG_free(numbers);
    return done;
}

static int der_write(const BYTE signature[2 * COORDINATE], BYTE der[LONGEST_DER])
{
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, COORDINATE, NULL);
    BIGNUM *s = BN_bin2bn(signature + COORDINATE, COORDINATE, NULL);
    int length = 0;

    if (numbers != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(numbers, r, s) == 1) {
        r = s = NULL;
        length = i2d_ECDSA_SIG(numbers, &der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(numbers);
    return length;
}

int sm2_sign(const BYTE private_key[COORDINATE], const BYTE public_key[2 * COORDINATE], const BYTE digest[HASH],
             BYTE signature[2 * COORDINATE])
{
    BYTE der[LONGEST_DER];
    size_t length = sizeof der;
    BIGNUM *number = BN_bin2bn(private_key, COORDINATE, NULL);
    EVP_PKEY *key = number == NULL ? NULL : key_of(number, public_key);
    EVP_PKEY_CTX *context = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);
    int done = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
               EVP_PKEY_sign(context, der, &length, digest, HASH) == 1 && der_read(der, length, signature);

    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    BN_clear_free(number);
    return done;
}

int sm2_verify(const BYTE public_key[2 * COORDINATE], const BYTE digest[HASH], const BYTE signature[2 * COORDINATE])
{
    BYTE der[LONGEST_DER];
    int length = der_write(signature, der);
    EVP_PKEY *key = key_of(NULL, public_key);
    EVP_PKEY_CTX *context = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);
    int right = length > 0 && context != NULL && EVP_PKEY_verify_init(context) == 1 &&
                EVP_PKEY_verify(context, der, (size_t)length, digest, HASH) == 1;

    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return right;
}

/* a, b and G of the curve, in the order in which Z takes them. */
static int curve_read(BYTE curve[4 * COORDINATE])
{
    BIGNUM *numbers[4] = {BN_new(), BN_new(), BN_new(), BN_new()};
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
    int done = group != NULL && numbers[0] != NULL && numbers[1] != NULL && numbers[2] != NULL &&
               numbers[3] != NULL && EC_GROUP_get_curve(group, NULL, numbers[0], numbers[1], NULL) == 1 &&
               EC_POINT_get_affine_coordinates(group, EC_GROUP_get0_generator(group), numbers[2], numbers[3],
                                               NULL) == 1;

    for (int at = 0; at < 4; at++) {
        done = done && BN_bn2binpad(numbers[at], curve + at * COORDINATE, COORDINATE) == COORDINATE;
        BN_free(numbers[at]);
    }
    EC_GROUP_free(group);
    return done;
}

int sm3_signer(EVP_MD_CTX *digest, const BYTE public_key[2 * COORDINATE], const BYTE *user_id, size_t length)
{
    BYTE curve[4 * COORDINATE];
    BYTE z[HASH];
    BYTE bits[2] = {(BYTE)(length * 8 >> 8), (BYTE)(length * 8)};
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int done = context != NULL && curve_read(curve) && EVP_DigestInit_ex(context, EVP_sm3(), NULL) == 1 &&
               EVP_DigestUpdate(context, bits, sizeof bits) == 1 && EVP_DigestUpdate(context, user_id, length) == 1 &&
               EVP_DigestUpdate(context, curve, sizeof curve) == 1 &&
               EVP_DigestUpdate(context, public_key, (size_t)2 * COORDINATE) == 1 &&
               EVP_DigestFinal_ex(context, z, NULL) == 1 && EVP_DigestUpdate(digest, z, HASH) == 1;

    EVP_MD_CTX_free(context);
    return done;
}

int blob_read(const ECCPUBLICKEYBLOB *blob, BYTE public_key[2 * COORDINATE])
{
    if (blob == NULL || blob->BitLen != 256)
        return 0;
    memcpy(public_key, blob->XCoordinate + COORDINATE, COORDINATE);
    memcpy(public_key + COORDINATE, blob->YCoordinate + COORDINATE, COORDINATE);
    return 1;
}
