/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JSES_H
#define JSES_H

#include "mujs.h"

/**
 * The functions that lib/es_runtime.js cannot write in JavaScript: prototypes,
 * construction with a list of arguments, objects for `with`, private members.
 */
void js_esinit(js_State *J);

#endif
