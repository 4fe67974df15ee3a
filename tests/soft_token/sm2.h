/* SM2 and SM3 by libcrypto: numbers of 32 bytes, big-endian. */
#ifndef SOFT_TOKEN_SM2_H
#define SOFT_TOKEN_SM2_H

#include "skf.h"
#include "state.h"

#include <openssl/evp.h>

/* Each returns 1, or 0 where it failed. */
int sm2_generate(BYTE private_key[COORDINATE], BYTE public_key[2 * COORDINATE]);
int sm2_sign(const BYTE private_key[COORDINATE], const BYTE public_key[2 * COORDINATE], const BYTE digest[HASH],
             BYTE signature[2 * COORDINATE]);
int sm2_verify(const BYTE public_key[2 * COORDINATE], const BYTE digest[HASH], const BYTE signature[2 * COORDINATE]);
/* Feed Z of a signer, by public key and user ID, to a digest that was begun (GB/T 32918.2, 5.5). */
int sm3_signer(EVP_MD_CTX *digest, const BYTE public_key[2 * COORDINATE], const BYTE *user_id, size_t length);

/* Read x ‖ y out of a blob; 0 where it is none of 256 bits. */
int blob_read(const ECCPUBLICKEYBLOB *blob, BYTE public_key[2 * COORDINATE]);

#endif
