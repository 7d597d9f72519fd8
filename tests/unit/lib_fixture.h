/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_FIXTURE_H
#define LIB_FIXTURE_H

#include "tests/unit/script_fixture.h"

/** An expression, and its value as lib_show() in the fixture writes it. */
typedef struct lib_case_t {
    const char *expression;
    const char *result;
} lib_case_t;

/** Each in a world of its own. */
void lib_check(const lib_case_t *cases, size_t n, apr_pool_t *p);

/** For tests that need a pool. */
int lib_setup(void **state);
int lib_teardown(void **state);
#define lib_test(f) cmocka_unit_test_setup_teardown(f, lib_setup, lib_teardown)

#endif
