/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/lib_fixture.h"

#define DO(statements, value)                                                  \
    "(function () { " statements " return (" value ") })()"
#define CHECK(cases) lib_check(cases, sizeof(cases) / sizeof(cases[0]), *state)

/* clang-format off */
static void methods_work_on_what_is_only_like_an_array(void **state)
{
    static const lib_case_t cases[] = {
        { DO("var o = { length: Math.pow(2, 53) - 2 }; Array.prototype.push.call(o, 'x');", "o[Math.pow(2, 53) - 2]"),
          "\"x\"" },
        { "Array.prototype.push.call({ length: Math.pow(2, 53) - 1 }, 1)",
          "throws TypeError" },
        { DO("var o = { length: 2, 0: 'a', 1: 'b' };", "Array.prototype.shift.call(o) + o.length + o[0]"),
          "\"a1b\"" },
        { "Array.prototype.map.call('abc', function (c) { return c + c })",
          "[\"aa\",\"bb\",\"cc\"]" },
        { "Array.prototype.lastIndexOf.call({ 4294967295: 'x', length: 4294967296 }, 'x')",
          "4294967295" },
        { "Array.prototype.map.call({ length: 4294967296 }, String)",
          "throws RangeError" },
        { "Array.prototype.slice.call(null)",
          "throws TypeError" },
        { "Array.prototype.reverse.call({ length: 2, 0: 1 })[1]",
          "1" },
    };

    CHECK(cases);
}

static void holes_and_large_indices_are_kept(void **state)
{
    static const lib_case_t cases[] = {
        { DO("var a = []; a[4294967294] = 1;", "a.length"),
          "4294967295" },
        { DO("var a = []; a[4294967295] = 1;", "a.length"),
          "0" },
        { DO("var a = [1]; a.length = 4294967295;", "a.length"),
          "4294967295" },
        { "[].length = 4294967296",
          "throws RangeError" },
        { "new Array(-1)",
          "throws RangeError" },
        { "new Array(1.5)",
          "throws RangeError" },
        { DO("var a = [1, 2, 3]; a[3000000000] = 4; a.length = 2;", "a"),
          "[1,2]" },
        { DO("var n = 0; [1, , 3].forEach(function () { ++n });", "n"),
          "2" },
        { "0 in [, 1].concat([, 2])",
          "false" },
        { "[1, , 3].indexOf(undefined)",
          "-1" },
        { "[1, , 3].includes(undefined)",
          "true" },
        { "[3, , 1].sort().length",
          "3" },
        { DO("var a = [1, 2, 3]; delete a[2];", "a.length"),
          "3" },
        { DO("var a = [1, 2, 3]; a.unshift(8, 9);", "a"),
          "[8,9,1,2,3]" },
        { DO("var a = [1, 2, 3, 4];", "a.splice(1, 2, 'x', 'y', 'z').concat(a)"),
          "[2,3,1,\"x\",\"y\",\"z\",4]" },
        { DO("var a = [1, 2, 3, 4];", "a.splice(1).concat(a)"),
          "[2,3,4,1]" },
        { DO("var a = [3, 1], n = 0; a[4000000000] = 2; a.forEach(function () { ++n }); a.sort();", "[n, a.slice(0, 3), a.indexOf(9), a.length]"),
          "[3,[1,2,3],-1,4000000001]" },
        { DO("var o = { length: Math.pow(2, 53) - 1 }; o[Math.pow(2, 53) - 2] = 5;", "Array.prototype.reduce.call(o, function (a, b) { return a + b }, 1)"),
          "6" },
        { "[1, 2].splice()",
          "[]" },
        { "[1, 2].splice(undefined, undefined)",
          "[]" } };

    CHECK(cases);
}

static void elements_may_be_inherited_or_call_functions(void **state)
{
    static const lib_case_t cases[] = {
        { DO("Array.prototype[1] = 'p'; var a = [0]; a.length = 2;", "a.join()"),
          "\"0,p\"" },
        { DO("Array.prototype[0] = 'p';", "[5][0] + [,].pop()"),
          "\"5p\"" },
        { DO("var a = [1, 2]; Object.defineProperty(a, 0, { get: function () { return 7 } });", "a.map(function (x) { return x + 1 })"),
          "[8,3]" },
        { DO("var log = ''; Object.defineProperty(Array.prototype, 0, { set: function (v) { log += v } }); [].push('x');", "log"),
          "\"x\"" },
        { DO("var a = [1, 2, 3]; a.forEach(function (x, i) { if (i === 0) a.pop() });", "a"),
          "[1,2]" },
        { DO("function F() {} F.prototype = [4, 5]; var f = new F();", "f.length + f[1]"),
          "7" },
        { DO("var o = { get x() { throw new Error('called') } };", "'x' in o"),
          "true" },
        { "(function () { return Array.from(arguments[Symbol.iterator]()) })(1, 2)",
          "[1,2]" } };

    CHECK(cases);
}

static void what_is_frozen_stays(void **state)
{
    static const lib_case_t cases[] = {
        { "Object.freeze([1, 2]).push(3)",
          "throws TypeError" },
        { "Object.freeze([1, 2]).pop()",
          "throws TypeError" },
        { "Object.freeze([]).unshift()",
          "throws TypeError" },
        { "Object.freeze([2, 1]).sort()",
          "throws TypeError" },
        { "Object.isFrozen(Object.freeze([1]))",
          "true" },
        { DO("var a = [1, 2]; Object.defineProperty(a, 'length', { writable: false }); a[2] = 3;", "a"),
          "[1,2]" },
        { DO("var a = [1, 2]; Object.defineProperty(a, 'length', { writable: false });", "a.push(3)"),
          "throws TypeError" },
        { DO("var a = [1, 2, 3]; Object.defineProperty(a, 1, { configurable: false }); a.length = 0;", "a"),
          "[1,2]" },
        { "Object.defineProperty([], 'length', { value: -1 })",
          "throws RangeError" },
        { "Object.assign(Object.freeze({ a: 1 }), { a: 2 })",
          "throws TypeError" },
        { "Object.setPrototypeOf(Object.prototype, {})",
          "throws TypeError" } };

    CHECK(cases);
}

static void arrays_of_a_class_stay_of_it(void **state)
{
    static const lib_case_t cases[] = {
        { DO("class L extends Array {}", "L.from([1, 2]).map(function (x) { return x }) instanceof L"),
          "true" },
        { DO("class L extends Array {}", "L.of(1).concat([2]).length"),
          "2" },
        { DO("var a = [1]; a.constructor = 5;", "a.map(String)"),
          "throws TypeError" },
        { DO("var a = [1]; a.constructor = undefined;", "a.map(String)"),
          "[\"1\"]" },
        { "Array.from.call(Object, [1])[0]",
          "1" } };

    CHECK(cases);
}

static void an_iterator_is_told_that_no_more_is_wanted(void **state)
{
#define ITERABLE                                                        \
    "var closed = 0, it = { next: function () { return { value: 1, done: false } }, " \
    "return: function () { ++closed; return {} } }; it[Symbol.iterator] = function () { return it }; "
    static const lib_case_t cases[] = {
        { DO(ITERABLE "try { Array.from(it, function () { throw 1 }) } catch (e) {}", "closed"),
          "1" },
        { DO(ITERABLE "try { new Map(it) } catch (e) {}", "closed"),
          "1" },
        { DO(ITERABLE "try { new WeakSet(it) } catch (e) {}", "closed"),
          "1" },
        { DO(ITERABLE "try { Object.fromEntries(it) } catch (e) {}", "closed"),
          "1" },
        { DO("var m = new Map(), set = Map.prototype.set; Map.prototype.set = function (k, v) { return set.call(this, k, v + 1) }; m = new Map([['a', 1]]);", "m.get('a')"),
          "2" },
        { "Map.prototype.get.call(new Set(), 1)",
          "throws TypeError" },
        { "Set.prototype.add.call(new Map(), 1)",
          "throws TypeError" } };

    CHECK(cases);
}

static void functions_say_what_they_are(void **state)
{
    static const lib_case_t cases[] = {
        { "(function f(a, b) {}).bind(null, 1).name",
          "\"bound f\"" },
        { "(function f(a, b) {}).bind(null, 1).length",
          "1" },
        { DO("function P(x) { this.x = x } var Q = P.bind(null, 3); var q = new Q();", "'' + q.x + (q instanceof Q) + (q instanceof P)"),
          "\"3truetrue\"" },
        { "new ([].map.bind([]))()",
          "throws TypeError" },
        { "new Array.prototype.map()",
          "throws TypeError" },
        { "Reflect.construct(Object, [], Math.max)",
          "throws TypeError" },
        { DO("class A {} class B {}", "Reflect.construct(function () {}, [], B) instanceof B"),
          "true" },
        { "Math.max.apply(null, 5)",
          "throws TypeError" },
        { "Array.prototype.push.length + [].concat.length + [].splice.length",
          "4" },
        { "(function () {}).caller",
          "throws TypeError" },
        { "Object.getOwnPropertyDescriptor(Map.prototype, 'size').get.name",
          "\"get size\"" },
        { "Object.getOwnPropertyDescriptor(Array, 'prototype').writable",
          "false" },
        { "delete Array.prototype.map.name && Array.prototype.map.name",
          "\"\"" } };

    CHECK(cases);
}

static void keys_come_in_the_language_order(void **state)
{
    static const lib_case_t cases[] = {
        { DO("var s = Symbol('s'), o = { b: 1, 2: 1 }; o[s] = 1; o.a = 1; o[1] = 1;", "Reflect.ownKeys(o).map(String)"),
          "[\"1\",\"2\",\"b\",\"a\",\"Symbol(s)\"]" },
        { DO("var s = Symbol('s'), o = {}; o[s] = 1;", "'' + Object.assign({}, o)[s] + Object.keys(o).length + JSON.stringify(o)"),
          "\"10{}\"" },
        { DO("var s = Symbol('s'), o = {}, n = 0; o[s] = 1; for (var k in o) ++n;", "n"),
          "0" },
        { DO("var s = Symbol('s'), o = {}; o[s] = 1;", "o.propertyIsEnumerable(s)"),
          "true" },
        { DO("var s = Symbol('s'), o = { a: 1 }; o[s] = 1;", "o"),
          "{a:1}" },
        { "Object.keys(Object.defineProperty(Object.assign(function () {}, { a: 1 }), 'name', { enumerable: true }))",
          "[\"name\",\"a\"]" },
        { "Object.getOwnPropertyNames('ab')",
          "[\"0\",\"1\",\"length\"]" },
        { DO("var o = { get a() { delete this.b; return 1 }, b: 2 };", "Object.entries(o)"),
          "[[\"a\",1]]" },
        { "'' + Symbol()",
          "throws TypeError" },
        { "new Error(Symbol())",
          "throws TypeError" } };

    CHECK(cases);
}

static void reflect_knows_who_receives(void **state)
{
    static const lib_case_t cases[] = {
        { "Reflect.get({ get x() { return this.y } }, 'x', { y: 5 })",
          "5" },
        { DO("var r = {}; Reflect.set({ x: 1 }, 'x', 2, r);", "r.x"),
          "2" },
        { "Reflect.set(Object.freeze({ x: 1 }), 'x', 2)",
          "false" },
        { "Reflect.set({}, 'x', 2, 1)",
          "false" },
        { "Reflect.defineProperty(Object.freeze({}), 'x', { value: 1 })",
          "false" },
        { "Reflect.defineProperty({}, 'x', 1)",
          "throws TypeError" },
        { "Reflect.setPrototypeOf({}, 1)",
          "throws TypeError" },
        { DO("var d = Object.getOwnPropertyDescriptor(Object.defineProperty({}, 'x', { get: undefined }), 'x');", "'get' in d && !('value' in d)"),
          "true" },
        { "Object.create({}, { a: { value: 1 }, b: 5 })",
          "throws TypeError" },
        { "Object.prototype.valueOf.call(undefined)",
          "throws TypeError" },
        { "({ toString: function () { return 'x' } }).toLocaleString()",
          "\"x\"" } };

    CHECK(cases);
}
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        lib_test(methods_work_on_what_is_only_like_an_array),
        lib_test(holes_and_large_indices_are_kept),
        lib_test(elements_may_be_inherited_or_call_functions),
        lib_test(what_is_frozen_stays),
        lib_test(arrays_of_a_class_stay_of_it),
        lib_test(an_iterator_is_told_that_no_more_is_wanted),
        lib_test(functions_say_what_they_are),
        lib_test(keys_come_in_the_language_order),
        lib_test(reflect_knows_who_receives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
