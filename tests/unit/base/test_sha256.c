#include "base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect_hex(const uint8_t hash[SHA256_SIZE], const char *hex)
{
    char text[2 * SHA256_SIZE + 1];
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", hash[i]);
    }
    assert_string_equal(text, hex);
}

/* FIPS 180-4's examples and the million of NIST's first publication, by one context in turn. */
static void the_vectors_of_nist_hold(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t repetitions;
        const char *hash;
    } VECTORS[] = {
        {"",                                                                  1,      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc",                                                               1,      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",          1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"                                                                             },
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
         "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu", 1,      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
        {"aaaaaaaaaa",                                                        100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    struct sha256 *sha256 = sha256_open();
    for (size_t i = 0; i < sizeof(VECTORS) / sizeof(VECTORS[0]); i++) {
        uint8_t hash[SHA256_SIZE];
        sha256_begin(sha256);
        for (uint32_t k = 0; k < VECTORS[i].repetitions; k++) {
            sha256_add(sha256, VECTORS[i].text, strlen(VECTORS[i].text));
        }
        sha256_end(sha256, hash);
        expect_hex(hash, VECTORS[i].hash);
    }
    sha256_close(sha256);
}

static void a_peek_is_the_hash_of_each_prefix_and_changes_nothing(void **state)
{
    (void)state;
    uint8_t bytes[200];
    struct sha256 *running = sha256_open();
    struct sha256 *fresh = sha256_open();
    sha256_begin(running);
    for (size_t size = 0; size < sizeof(bytes); size++) {
        uint8_t peeked[SHA256_SIZE];
        uint8_t again[SHA256_SIZE];
        uint8_t expected[SHA256_SIZE];
        sha256_peek(running, peeked);
        sha256_peek(running, again);
        sha256_begin(fresh);
        sha256_add(fresh, bytes, size);
        sha256_end(fresh, expected);
        assert_memory_equal(peeked, expected, SHA256_SIZE);
        assert_memory_equal(again, expected, SHA256_SIZE);
        bytes[size] = (uint8_t)(size * 7);
        sha256_add(running, bytes + size, 1);
    }
    sha256_close(fresh);
    sha256_close(running);
}

static void a_hash_that_was_not_ended_can_begin_again(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE];
    struct sha256 *sha256 = sha256_open();
    sha256_begin(sha256);
    sha256_add(sha256, "given up", 8);
    sha256_begin(sha256);
    sha256_add(sha256, "abc", 3);
    sha256_end(sha256, hash);
    expect_hex(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_close(sha256);
    sha256_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_nist_hold),
        cmocka_unit_test(a_peek_is_the_hash_of_each_prefix_and_changes_nothing),
        cmocka_unit_test(a_hash_that_was_not_ended_can_begin_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
