/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIGN_KEYS_H
#define SIGN_KEYS_H

/** Keys for tests, made for this purpose and used nowhere else. */
/* clang-format off */
#define RSA_PRIVATE \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDcLZ+2ikYV7a0x\n" \
    "hwIwTb7QuGRBoVggjotchVijg2vQ42lXUOST5EsJBr9fASH2kwinCH8SA8zD+FiX\n" \
    "VZBNVEUmGqPQBYcT/0+NqJCF2ZNRppLneJomNN50VcTNZCZ5RmD8z6h7ypCxsQCi\n" \
    "XKr2IS1rkp/S/PiZNox1enJSgElvx/2jOS5WFNNRo+X+1YAbWPvbEoIgmp9TE0G5\n" \
    "vvkbx81z9tssThQge2PxchEEAjv7ZIiSgMjmTr79aOvz6h5/Tgm+OMe6wx+pz+Ja\n" \
    "cfct1uzNRINaOTHvYWsqQBSIBexneBMl6n5WtoEiqNllh9bEPGWgXAhJLFdOZafv\n" \
    "HPLfaL0jAgMBAAECggEAB8VQcrfUm2eFCk9yg1PrHSC04SAZpSSCxKQsKbE0t+2e\n" \
    "xSckuhd/knT7ghXfJf2we3ywR2l865mzPrwVWLVVr2+XQns/djQ3kY9WcnLoYSRY\n" \
    "4PR/tEN/ammwhXM4bGVQfPuzPZM7ohnWJOTSX9dx6+8D1wV4nKexM2A78q92aAx9\n" \
    "I+2zS3/dzyJGWwas7x9j9z/3Jv/y51ciQPRThnS+G6JGK59PdcC/mPbvcNVOHMqa\n" \
    "JHw49B1yL6CiMW1UUJIVsOUC1ONoNDajzkW0b8DJS1Y0k/NAwbjj5Au1y/O1fZiV\n" \
    "zzOFSBASY5OTf08pK6xls2d9NwuGzUiwJz96P8TekQKBgQDu6Mn4CqtyVxeWOxHJ\n" \
    "/vuMv61eRIaO/7E3BZhhqNupGPXwFLUijhBrIZI+C2vai3dAG+UMLjuslK2e5JWB\n" \
    "fPE5/YqMM2drJaLOth3vI5PeLA3TysvrcE4jRwdzyuayJy+84QqLWuqHnpxiNul3\n" \
    "jsHpM/+uXvRzIRTSb7FjUiUE6QKBgQDr7c6Xq3aD9AI9sNXBpMvFXZat/ZpT6x6S\n" \
    "m4QP5DpUWTDA0wi4WBEsMt9yfBoYKD0W+vCUSK/7KI7T+HkOIk3znWg0A4NtuVG1\n" \
    "kx3UvsEdcnOt4gMOYo8sVe23PnMStHykpztQ/vekja59uY7vOGdoaZKgP1vg/QFt\n" \
    "zH5SNV9aKwKBgQC4WEWnsEv0cUFQ+YlTbP2a8DgNGiEd7CxJAXdAO/QquYjj1Iak\n" \
    "ACypDYFzgIqbWqwMerm1OWNwWlTR2x2Fiev0zC+A2RU+tw62JA5a/P/XGfUdbEkH\n" \
    "BWQ1klQsw+5YnyYVvyvMtb1sIjYXDrn9N9lmYWozmS9UOr1/VxHwSm0oKQKBgA6c\n" \
    "tO3p3bZAd58Qg7yxkzlPGZT/Hv7Rkhwsa5p8XSx6Na3LpD+enLmrEPHLQ+Z5H4d7\n" \
    "1Uip09RvZ6EzQ3QfpcpP1nNaQFqcXrYrPW6+vcEwJIABfoT2j72EOOvff0sKSKn9\n" \
    "/Yt/ryDO8Z6xzmt8h9MMrtsj8XHW2a7OOoim65fvAoGAR7cA4u5w7oI4yCUnlO7g\n" \
    "iogU52VkBhhTAhoCEiVeKA/NDdJVKc+3CtqTGY8RTCBKd0hCULRRmXqBiG58ruru\n" \
    "rUjo4/dhRQ2UVNHgs4Hl9tEINxs1927PfnEyedskpXj3SuGgVKcnqqol1qVY0AU0\n" \
    "Vu097mE5JtwrNPO0LI/ybS4=\n" \
    "-----END PRIVATE KEY-----\n"
#define RSA_PUBLIC \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3C2ftopGFe2tMYcCME2+\n" \
    "0LhkQaFYII6LXIVYo4Nr0ONpV1Dkk+RLCQa/XwEh9pMIpwh/EgPMw/hYl1WQTVRF\n" \
    "Jhqj0AWHE/9PjaiQhdmTUaaS53iaJjTedFXEzWQmeUZg/M+oe8qQsbEAolyq9iEt\n" \
    "a5Kf0vz4mTaMdXpyUoBJb8f9ozkuVhTTUaPl/tWAG1j72xKCIJqfUxNBub75G8fN\n" \
    "c/bbLE4UIHtj8XIRBAI7+2SIkoDI5k6+/Wjr8+oef04JvjjHusMfqc/iWnH3Ldbs\n" \
    "zUSDWjkx72FrKkAUiAXsZ3gTJep+VraBIqjZZYfWxDxloFwISSxXTmWn7xzy32i9\n" \
    "IwIDAQAB\n" \
    "-----END PUBLIC KEY-----\n"
#define P256_PRIVATE \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/CDCqQJDVuw2YejT\n" \
    "fIIGiLuOx8gvyackOtCMCk2yCkShRANCAAQTCastOYg12qsCeC9alAvDPnUyNF/h\n" \
    "bh6b/Q5ghImW+t2HV4yEzLLBd36iG6lvE+QOvNavkHoBglbVfib7oa4S\n" \
    "-----END PRIVATE KEY-----\n"
#define P256_PUBLIC \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEwmrLTmINdqrAngvWpQLwz51MjRf\n" \
    "4W4em/0OYISJlvrdh1eMhMyywXd+ohupbxPkDrzWr5B6AYJW1X4m+6GuEg==\n" \
    "-----END PUBLIC KEY-----\n"
#define P384_PRIVATE \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDCdJvrypRvWHaKuXk8q\n" \
    "QjH4MPGjVh/ohqwoRba9OXBxUwlhyLhJUeJlFCd5wnsRbcChZANiAAT6gkvxAZMj\n" \
    "9Tm8aG9x/68Qv9j4MNQ+hEG1gXOI4EutGoYngTXZKZsXcGRMklZOuSJuXNWKMBpB\n" \
    "bb87qGDvuuqOGSbemHMpHK+GqES7m7hieUoZiorpEiD5sp/yBRCv8Bk=\n" \
    "-----END PRIVATE KEY-----\n"
#define P384_PUBLIC \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE+oJL8QGTI/U5vGhvcf+vEL/Y+DDUPoRB\n" \
    "tYFziOBLrRqGJ4E12SmbF3BkTJJWTrkiblzVijAaQW2/O6hg77rqjhkm3phzKRyv\n" \
    "hqhEu5u4YnlKGYqK6RIg+bKf8gUQr/AZ\n" \
    "-----END PUBLIC KEY-----\n"
#define P521_PRIVATE \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIBmXpHkoPUAONK9Xbx\n" \
    "CgVD+/SKjGOZDCQxkyFNivbaJBmm+Fy1GbuHklr0/uC37yO0AWIqR90cf2tyOtlY\n" \
    "Ur+irtihgYkDgYYABAB1gtaq+PBNo/o5SbrAPFdni+2wxf8ZyTZT/OCreyMQXiot\n" \
    "HGY2RdBhNuaOv+TT/kmDQ5Vj9lLqTg7OSc7QdfVxWAG49uU14Mhuw0OJCOcS0tZm\n" \
    "Oi8s2dUofM57s0jjdjw4ELAg0y07n4q7kYGroDhJvUQMCcECQ7hnx6fOQ9ECTaBA\n" \
    "dA==\n" \
    "-----END PRIVATE KEY-----\n"
#define P521_PUBLIC \
    "-----BEGIN PUBLIC KEY-----\n" \
    "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAdYLWqvjwTaP6OUm6wDxXZ4vtsMX/\n" \
    "Gck2U/zgq3sjEF4qLRxmNkXQYTbmjr/k0/5Jg0OVY/ZS6k4OzknO0HX1cVgBuPbl\n" \
    "NeDIbsNDiQjnEtLWZjovLNnVKHzOe7NI43Y8OBCwINMtO5+Ku5GBq6A4Sb1EDAnB\n" \
    "AkO4Z8enzkPRAk2gQHQ=\n" \
    "-----END PUBLIC KEY-----\n"
/* clang-format on */

#endif
