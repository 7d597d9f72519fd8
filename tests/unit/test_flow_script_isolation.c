/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "tests/unit/script_fixture.h"

/*
 * Nothing of a call survives: each script says what it finds and then leaves
 * something behind, in all the places where a state could hide. What it finds
 * must be the same in every call, whatever another function of the same script
 * did in between, be it that it was stopped.
 */
static const char wrecker[] =
    "\nfunction fill() { var a = [], i; for (i = 0; i < 4000; i++)"
    "  a.push({ a: 'k' + i, b: [i, { c: i }] }); return a.length }\n"
    "function die() { var m = new Map(), s = 'x', i; try {"
    "  for (i = 0;; i++) { m.set('k' + i, s += i);"
    "  Object.prototype['q' + i] = i; Array.prototype.push = i;"
    "  /(x+)+y/.test(s) } } finally { die() } }\n"
    "function fail() { Object.prototype.toJSON = function () { throw 1 };"
    "  Error.prototype.name = 'Odd'; Function.prototype.call = null;"
    "  throw new TypeError('on purpose') }\n";

static const struct {
    const char *what, *text;
} places[] = {
    { "module variables", "let n = 0, o = { deep: [1, { x: 1 }] };"
                          "const c = (() => { let k = 0; return () => ++k })();"
                          "function f() { o.deep[1].x++; o.deep.push(n++);"
                          "  return [n, o, c(), c()] }" },
    { "globals", "function f() { var r = [typeof gone, typeof Map.extra,"
                 "  Object.keys(globalThis).length]; gone = 1; Map.extra = 2;"
                 "  globalThis['g' + Math.random()] = 3; return r }" },
    { "prototypes",
      "function f() { var r = [].extra + '' + ({}).extra +"
      "  'x'.extra + (1).extra + (() => 1).extra + /x/.extra +"
      "  new Map().extra + Promise.resolve().extra + new Date(0).extra +"
      "  Symbol().extra + [][Symbol.iterator]().extra;"
      "  for (const p of [Array, Object, String, Number, Function, RegExp,"
      "    Map, Promise, Date, Symbol]) p.prototype.extra = 1;"
      "  Object.getPrototypeOf([][Symbol.iterator]()).extra = 1;"
      "  return r }" },
    { "built-in methods",
      "function f() { var r = [[3, 1].map(x => x) + '',"
      "  'ab'.toUpperCase(), JSON.stringify({ a: 1 }), typeof parseInt];"
      "  Array.prototype.map = () => 'bad'; String.prototype.toUpperCase ="
      "  () => 'bad'; JSON.stringify = () => 'bad'; delete"
      "  globalThis.parseInt; return r }" },
    { "what is frozen",
      "const o = { a: 1 }; function f() {"
      "  var r = [Object.isFrozen(o), Object.isExtensible(Array.prototype),"
      "  Object.isFrozen(Math), Object.isSealed(JSON)]; Object.freeze(o);"
      "  Object.preventExtensions(Array.prototype); Object.freeze(Math);"
      "  Object.seal(JSON); return r }" },
    { "lengths and names of functions",
      "function g(a, b) {} function f() {"
      "  var r = [[].push.length, [].push.name, g.length, g.name,"
      "  Object.keys(g)]; delete Array.prototype.push.length;"
      "  delete [].push.name; delete g.length; g.own = 1;"
      "  Object.defineProperty(g, 'name', { value: 'other' }); return r }" },
    { "accessors",
      "const o = { get a() { return 1 } }; function f() {"
      "  var r = [o.a, 'b' in o, ({}).b]; "
      "Object.defineProperty(Object.prototype,"
      "  'b', { get: () => 3 }); o.c = 1; delete o.a; return r }" },
    { "lastIndex",
      "const re = /a/g, st = /a/y; function f() {"
      "  return [re.lastIndex, re.test('aa'), re.lastIndex, st.test('aa'),"
      "  st.lastIndex, /a/g.test('a')] }" },
    { "lastIndex that is odd",
      "const re = /a/g; function f() {"
      "  var r = String(re.lastIndex); re.lastIndex = { valueOf() { return 1"
      "  } }; re.compile && re.compile('b'); return [r, re.exec('aab') &&"
      "  1] }" },
    { "what was matched",
      "function f() { var r = [RegExp.$1, RegExp.lastMatch,"
      "  'x'.replace(/(y)?/, '[$1]')]; /(z)(z)/.exec('zz'); return r }" },
    { "much that was matched",
      "function f() { var t = 'ab'.repeat(3000);"
      "  return [t.replace(/(a)(b)/g, '$2$1').length,"
      "  [...t.matchAll(/(?<n>a)/g)].length,"
      "  new RegExp('(' + 'a|'.repeat(50) + 'b)').exec('b').index] }" },
    { "symbols", "function f() { var s = Symbol.for('mine'), t = Symbol();"
                 "  var r = [({})[s], Symbol.keyFor(s), globalThis[s],"
                 "  Object.getOwnPropertySymbols(globalThis).length];"
                 "  globalThis[s] = globalThis[t] = Object.prototype[s] = 1;"
                 "  return r }" },
    { "well-known symbols",
      "function f() { var r = [[...'ab'], String({}),"
      "  [1] instanceof Array]; Array.prototype[Symbol.iterator] = null;"
      "  String.prototype[Symbol.iterator] = null;"
      "  Object.prototype[Symbol.toStringTag] = 'Bad';"
      "  Array[Symbol.isConcatSpreadable] = 1; return r }" },
    { "maps and sets",
      "const m = new Map([[1, 1]]), s = new Set([1]),"
      "  w = new WeakMap(), k = {}, it = m.entries(); function f() {"
      "  var r = [m.size, s.size, w.has(k), it.next().value, [...m.keys()]];"
      "  for (let i = 0; i < 500; i++) { m.set({}, i); m.set('k' + i, i);"
      "  s.add(i) } m.delete(1); s.clear(); w.set(k, 1); return r }" },
    { "property trees",
      "const o = {}; for (let i = 0; i < 100; i++)"
      "  o['k' + i * 7 % 100] = i; function f() { var r ="
      "  Object.keys(o).join(); for (let i = 0; i < 100; i += 3)"
      "  delete o['k' + i]; for (let i = 0; i < 300; i++) o['n' + i] = i;"
      "  return r }" },
    { "arrays",
      "const a = [1, 2, 3], b = new Array(5), c = [9]; c.x = 1;"
      "function f() { var r = [a.slice(), a.length, b.length, c.x, 2 in b];"
      "  a.length = 0; a[70000] = 1; b.push(1); b[2] = 1; delete c.x;"
      "  c.length = 4; Object.defineProperty(a, 'length',"
      "  { writable: false }); return r }" },
    { "texts",
      "const t = 'abc'; let u = ''; function f() {"
      "  for (let i = 0; i < 2000; i++) u += t + i; return [u.length, t,"
      "  Object.keys({ ['key' + u.length]: 1 })] }" },
    { "promises",
      "const p = Promise.resolve(1), all = []; let done = 0;"
      "p.then(() => done++); async function f() { var r = done;"
      "  p.then(() => { done += 10 }); Promise.reject(1).catch(() => done++);"
      "  await null; all.push(done); return [r, all] }" },
    { "promises nobody waits for",
      "let n = 0; const held = []; function f() {"
      "  held.push(new Promise(r => held.push(r))); Promise.resolve().then("
      "  function g() { if (n++ < 50) return Promise.resolve().then(g) });"
      "  return [n, held.length] }" },
    { "dates",
      "const d = new Date(0); function f() { var r = [d.getTime(),"
      "  new Date(2020, 5, 1).getTimezoneOffset(), Date.parse('2020-01-01'),"
      "  d.extra]; d.setFullYear(1999); d.setTime(NaN); d.extra = 1;"
      "  Date.UTC = null; Date.parse = null; return r }" },
    { "classes",
      "class A { static n = 0; #p = 0; inc() { return ++this.#p }"
      "  static up() { return ++A.n } } const a = new A();"
      "class B extends Array { x() { return this.length } }"
      "function f() { var r = [A.up(), a.inc(), new B().x(), a.y];"
      "  A.prototype.inc = () => -1; A.prototype.y = 2; B.prototype.x ="
      "  () => -1; Object.setPrototypeOf(A.prototype, { z: 1 }); return r }" },
    { "prototype chains",
      "const o = {}, q = Object.create({ a: 1 });"
      "function f() { var r = [o.a, q.a, Object.getPrototypeOf(o) ==="
      "  Object.prototype]; Object.setPrototypeOf(o, { a: 2 });"
      "  q.__proto__ = null; return r }" },
    { "errors", "const e = new Error('x'); function f() { var r = [e.message,"
                "  typeof e.stack, Error.stackTraceLimit, e.cause, String(e)];"
                "  e.message = 'y'; e.name = 'Z'; Error.stackTraceLimit = 0;"
                "  Error.prototype.message = 'w'; delete e.stack; return r }" },
    { "code made at run time",
      "function f() { var r = typeof late;"
      "  (0, eval)('var late = 1; function later() {}');"
      "  new Function('globalThis.latest = 1')(); return [r, typeof later,"
      "  typeof latest].slice(0, 1) }" },
    { "templates",
      "const seen = []; function tag(s) { seen.push(s);"
      "  return seen.length + ' ' + seen.every(x => x === s) }"
      "function f() { return [tag`a${1}`, 0].concat([0, 1].map(() =>"
      "  seen.length)) }" },
    { "modules of the host",
      "import api, { request } from 'integrator-api';"
      "import { crypto } from 'mod_flow'; function f() { var r = [typeof"
      "  request, typeof api.exports, typeof crypto.hash, api.extra,"
      "  crypto.extra]; try { api.extra = 1; crypto.extra = 1;"
      "  api.exports = null; crypto.hash = null } catch (e) {} return r }" },
    { "packages",
      "import dayjs from 'dayjs'; function f() { var r ="
      "  [dayjs('2020-01-31').add(1, 'month').format('YYYY-MM-DD'),"
      "  dayjs.locale(), dayjs.extra]; dayjs.extend((o, C) => {"
      "  C.prototype.format = () => 'bad' }); dayjs.locale('xx', {});"
      "  dayjs.extra = 1; return r }" },
    { "arguments",
      "function g() { arguments[0] = 2; arguments.length = 9;"
      "  return arguments } let last; function f(o) { var r = [last &&"
      "  last.length, o.list.length, o.x]; o.list.push(1); o.x = 1;"
      "  last = g(1); return r }" },
    { "the random numbers' absence of state",
      "let first; function f() {"
      "  var a = Math.random(), b = Math.random(), r = [a !== b, typeof"
      "  first]; first = a; return r }" },
};

static const char argument[] = "{\"list\":[1,2],\"x\":0}";

static const char *find(flow_script_engine_t *engine,
                        const flow_script_t *script, const char *function,
                        apr_pool_t *p)
{
    return script_call(engine, script, function, argument,
                       strcmp(function, "die") == 0 ? 10 : 5000, NULL, p);
}

static void nothing_of_a_call_is_found_by_the_next(void **state)
{
    static const char *const between[] = { "f", "fill", "die", "fail", "fill" };
    size_t i, k;

    for (i = 0; i < COUNT(places); ++i) {
        flow_script_engine_t *engine = script_engine(8 << 20, 1, *state);
        flow_script_t *script = script_compile(
            apr_pstrcat(*state, places[i].text, wrecker, NULL), *state);
        const char *first = find(engine, script, "f", *state);

        if (first[0] == '!') {
            fail_msg("%s: %s", places[i].what, first);
        }
        for (k = 0; k < 60; ++k) {
            const char *now;

            (void)find(engine, script, between[k % COUNT(between)], *state);
            now = find(engine, script, "f", *state);
            if (strcmp(first, now) != 0) {
                fail_msg("%s, round %u: %s, then %s", places[i].what,
                         (unsigned)k, first, now);
            }
        }
    }
}

/* What built-ins do without coming back to the script is stopped, too. Each
 * ends by its own error or a limit, in little more time than it has. */
static const char *const endless[] = {
    "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)",
    "Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)",
    "Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)",
    "Array.prototype.findLastIndex.call({ length: 2 ** 53 - 1 }, x => x)",
    "Array.prototype.reduce.call({ length: 2 ** 53 - 1, 0: 1 }, x => x)",
    "Array.prototype.reduceRight.call({ length: 2 ** 53 - 1 }, x => x)",
    "Array.prototype.splice.call({ length: 2 ** 53 - 1 }, 0, 1)",
    "Array.prototype.unshift.call({ length: 2 ** 53 - 2 }, 1)",
    "Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 1, 0)",
    "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })",
    "Array.prototype.slice.call({ length: 2 ** 32 - 1 })",
    "Array.prototype.concat.call([], { length: 2 ** 53 - 1,"
    "  [Symbol.isConcatSpreadable]: true })",
    "Array.prototype.join.call({ length: 2 ** 53 - 1 }, 'xxxxxxxx')",
    "Array.prototype.sort.call({ length: 2 ** 53 - 1 })",
    "Array.prototype.flat.call({ length: 2 ** 53 - 1 })",
    "Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 1)",
    "Array.from({ length: 2 ** 53 - 1 })",
    "Array.from({ length: 2 ** 32 - 1 }, (x, i) => i)",
    "(() => { var a = []; a[0] = a; return a.flat(Infinity) })()",
    "(() => { var a = [1]; for (let i = 0; i < 200; i++) a = [a, a];"
    "  return a.flat(Infinity) })()",
    "(() => { var a = []; for (let i = 0; i < 1e6; i++) a = [a];"
    "  return a.flat(Infinity).length || loop() })()",
    "(() => { var a = {}; for (let i = 0; i < 1e6; i++) a = { a };"
    "  return structuredClone(a) && loop() })()",
    "(() => { var a = [1]; for (let i = 0; i < 60; i++) a = [a, a.slice()];"
    "  for (;;) structuredClone(a) })()",
    "new Array(70).fill().reduce((s) => s + s, 'x'.repeat(9))",
    "'x'.repeat(2 ** 28)",
    "'x'.padStart(2 ** 30, 'ab')",
    "'x'.padEnd(2 ** 31, 'ab')",
    "''.repeat(2 ** 53) || loop()",
    "(() => { var s = 'x'.repeat(1e6); for (;;) s.localeCompare(s + 'a') })()",
    "(() => { var s = '\\u1e9b\\u0323'.repeat(2e5); for (;;)"
    "  s.normalize('NFKD').normalize('NFC') })()",
    "(() => { var s = '\\u0301'.repeat(1e6); for (;;)"
    "  ('a' + s).normalize('NFC') })()",
    "(() => { var s = ''; for (let i = 0; i < 3e5; i++)"
    "  s += i % 2 ? '\\u0301' : '\\u0323'; return ('a' + s).normalize('NFD')"
    "  && loop() })()",
    "'x'.repeat(1e6).replace(/x/g, '$&'.repeat(1e4))",
    "'x'.repeat(1e6).replaceAll('x', 'y'.repeat(1e5))",
    "'x'.repeat(1e5).replace(/x*/g, \"$'$`\".repeat(1e3))",
    "(() => { for (;;) 'x'.repeat(1e6).split('') })()",
    "(() => { for (;;) 'x'.repeat(1e6).split(/(x)/) })()",
    "(() => { for (;;) [...'x'.repeat(3e5).matchAll(/(x)(x)/g)] })()",
    "(() => { for (;;) 'x\\u{1F600}'.repeat(2e5).replace(/x/g, (m, i) => i)"
    "  })()",
    "(() => { var o = { toJSON() { return { o: this } } };"
    "  return JSON.stringify(o) })()",
    "(() => { var o = { toJSON() { return [o, o] } };"
    "  return JSON.stringify(o) })()",
    "JSON.stringify([1], function (k, v) { return [v, v] })",
    "JSON.stringify(1, (k, v) => ({ v }), 10)",
    "JSON.parse('[' + '1,'.repeat(1e5) + '1]', function () { loop() })",
    "JSON.parse('[0]', function (k, v) { this.length = 2 ** 31; return v }) ||"
    "  loop()",
    "(() => { function F() { return Reflect.construct(F, []) }"
    "  return new F() })()",
    "(() => { function F() { return Reflect.apply(F, null, []) }"
    "  return F() })()",
    "(() => { class A { constructor() { new this.constructor() } }"
    "  return new A() })()",
    "Reflect.apply(Math.max, null, { length: 2 ** 53 - 1 })",
    "Math.max.apply(null, { length: 2 ** 32 - 1 })",
    "String.fromCharCode.apply(null, { length: 2 ** 31 })",
    "new (class extends Array { static get [Symbol.species]() { return loop()"
    "  } })(3).map(x => x) && loop()",
    "[1].concat.call({ constructor: { get [Symbol.species]() { loop() } } }) &&"
    "  loop()",
    "(() => { var f = () => 1; for (;;) f = f.bind(null) })()",
    "(() => { var f = () => 1; for (let i = 0; i < 1e5; i++) f = f.bind(null);"
    "  return f() && loop() })()",
    "(() => { var p = Promise.resolve(); for (;;) p = p.then(() => p) })()",
    "(() => { function g() { return Promise.resolve().then(g) } return g()"
    "  })()",
    "(async () => { for (;;) await null })()",
    "({ then(r) { r(this) } }) instanceof Promise || Promise.resolve({"
    "  then(r) { r(this) } })",
    "Object.assign({}, { get a() { return loop() } })",
    "Object.fromEntries({ [Symbol.iterator]() { return { next() { return {"
    "  value: [1, 2], done: false } } } } })",
    "new Map({ [Symbol.iterator]() { return { next: () => ({ value: [{}, 1]"
    "  }) } } })",
    "new Set((() => { var i = 0; return { [Symbol.iterator]() { return this },"
    "  next: () => ({ value: i++ }) } })())",
    "(() => { var m = new Map([[0, 0]]); m.forEach((v, k) => m.set(k + 1, 0))"
    "  })()",
    "(() => { var s = new Set([0]); for (const k of s) { s.delete(k);"
    "  s.add(k) } })()",
    "(() => { var a = [0]; for (const x of a) a.push(x) })()",
    "Array.from(Array.from({ length: 3e5 }).keys(), k => Array.from({ length:"
    "  3e5 }))",
    "(() => { for (;;) encodeURIComponent('\\u{1F600}'.repeat(1e5)) })()",
    "(() => { for (;;) btoa('x'.repeat(1e6)) })()",
    "(() => { for (;;) '\\u00df'.repeat(1e6).toUpperCase() })()",
    "(() => { for (;;) parseFloat('1'.repeat(1e6)) })()",
    "(() => { for (;;) (1e21).toString(2).repeat(1e4).trim() })()",
    "(() => { for (;;) Date.parse(' '.repeat(1e6) + '1') })()",
    "(() => { for (;;) Object.keys('x'.repeat(1e6)) })()",
    "(() => { for (;;) Object.getOwnPropertyDescriptors('x'.repeat(1e5)) })()",
    "(() => { for (;;) String.raw({ raw: { length: 2 ** 53 - 1 } }) })()",
    "(() => { var o = {}; o.__proto__ = {}; for (;;) o = Object.create(o)"
    "  })()",
    "(() => { for (;;) 'a'.repeat(1e6).lastIndexOf('b' + 'a'.repeat(5e5))"
    "  })()",
    "(() => { var s = 'a'.repeat(1e6); for (;;) s.indexOf(s.slice(5e5) + 'b')"
    "  })()",
    "new RegExp('(?:a{1,1000}){1,1000}').test('a'.repeat(1e6)) && loop()",
    "new RegExp('a'.repeat(1e6)) && loop()",
};

/* What a built-in makes has own properties, whatever the prototypes say, and
 * their setters are not called. */
static void results_of_built_ins_are_their_own(void **state)
{
    static const char trap[] =
        "let on = 0; const log = []; for (const p of [Object, Array]) for"
        " (const k of ['index', 'input', 'groups', 'value', 'done', 'status',"
        "  'reason', 'open', 'promise', 'n'])"
        "  Object.defineProperty(p.prototype, k, { __proto__: null,"
        "  set(v) { if (on++) return; log.push(k);"
        "    new RegExp('(a)'.repeat(90)).exec('a'.repeat(99)); on = 0 } });"
        "async function f() { const m = /(?<n>a)(b)/.exec('xab'),"
        "  all = [...'1a2a'.matchAll(/\\d(?<n>a)/g)],"
        "  it = [7][Symbol.iterator](), s = await Promise.allSettled("
        "  [Promise.resolve(1), Promise.reject(2)]);"
        "  return [m.index, m.input, m.groups.n, m[2], all.map(x => x.index +"
        "  x.groups.n), it.next(), it.next().done, s, await new Promise(r =>"
        "  r(5)), log] }";

    assert_string_equal(script_once(trap, NULL, *state),
                        "[1,\"xab\",\"a\",\"b\",[\"0a\",\"2a\"],"
                        "{\"value\":7,\"done\":false},true,"
                        "[{\"status\":\"fulfilled\",\"value\":1},"
                        "{\"status\":\"rejected\",\"reason\":2}],5,[]]");
}

/* Each match tells the text that it is of: there is only one of it. */
static void matches_share_their_text(void **state)
{
    flow_script_engine_t *engine = script_engine(8 << 20, 1, *state);
    flow_script_t *script = script_compile(
        "function f() { const t = 'ab'.repeat(1e5), re = /a/g, all = [];"
        "  for (let i = 0; i < 500; i++) all.push(re.exec(t));"
        "  return [all.length, all[499].index, all[7].input === t,"
        "  /1/.exec(212).input, /u/.exec(undefined).input,"
        "  /x/.exec({ toString: () => 'xx' }).input] }",
        *state);

    assert_string_equal(
        script_call(engine, script, "f", NULL, 5000, NULL, *state),
        "[500,998,true,\"212\",\"undefined\",\"xx\"]");
}

static int processor_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static void what_built_ins_do_ends_at_the_limits(void **state)
{
    enum {
        MS = 60
    };
    size_t i;
    int wrong = 0;

    for (i = 0; i < COUNT(endless); ++i) {
        flow_script_engine_t *engine = script_engine(16 << 20, 1, *state);
        const char *text =
            apr_pstrcat(*state,
                        "function loop() { for (;;) {} }\n"
                        "function f() { return ",
                        endless[i],
                        " }\n"
                        "function g() { return [1, 2].map(x => x * 2) }",
                        NULL);
        flow_script_t *script = script_compile(text, *state);
        int before = processor_ms(), used;
        const char *got =
            script_call(engine, script, "f", NULL, MS, NULL, *state);

        used = processor_ms() - before;
        if (used > MS + 1000 || (got[0] != '!' && used > MS / 2) ||
            strcmp(script_call(engine, script, "g", NULL, 5000, NULL, *state),
                   "[2,4]") != 0) {
            ++wrong;
            print_error("%s: %d ms, %.200s\n", endless[i], used, got);
        }
    }
    assert_int_equal(wrong, 0);
}

static int setup(void **state)
{
    apr_pool_t *p;

    if (apr_pool_create(&p, NULL) != APR_SUCCESS) {
        return -1;
    }
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

#define with_pool(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pool(nothing_of_a_call_is_found_by_the_next),
        with_pool(results_of_built_ins_are_their_own),
        with_pool(matches_share_their_text),
        with_pool(what_built_ins_do_ends_at_the_limits),
    };

    if (apr_initialize() != APR_SUCCESS) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
