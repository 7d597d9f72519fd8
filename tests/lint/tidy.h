/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Read before every file that clang-tidy looks at, and by nothing else: what
 * its analyzer cannot see from one file, that a function which reports a
 * failure never returns APR_SUCCESS. Otherwise each
 * `return flow_error_set(...)` looks like a success without a result.
 */
#ifndef FLOW_TIDY_H
#define FLOW_TIDY_H

#include "base/flow_error.h"

#define flow_error_set(...)    (flow_error_set(__VA_ARGS__), APR_EGENERAL)
#define flow_error_prefix(...) (flow_error_prefix(__VA_ARGS__), APR_EGENERAL)

#endif
