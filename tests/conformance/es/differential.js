// SPDX-License-Identifier: Apache-2.0
//
// node differential.js ESRUN COUNT [SEED]: make COUNT small programs, run each
// in node and, compiled, in mujs (the program ESRUN), compare what they print.
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');
const vm = require('vm');
const { spawnSync } = require('child_process');

const [esrun, count = '300', seed = '1'] = process.argv.slice(2);

let state = Number(seed) * 2654435761 % 4294967296;
function random(n) {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return Math.floor(state / 4294967296 * n);
}
const pick = (...list) => list[random(list.length)];

let names = 0;
let depth = 0;
const fresh = () => 'v' + (++names);

// ---- expressions; `scope` is a list of { name, kind } --------------------

function variable(scope, ...kinds) {
    const fit = scope.filter((v) => kinds.includes(v.kind));
    return fit.length ? fit[random(fit.length)].name : null;
}

function number(scope) {
    const v = variable(scope, 'num');
    if (depth > 4) { return v || String(random(9)); }
    ++depth;
    const out = pick(
        () => String(random(20)), () => v || '7', () => v || '0b101',
        () => `(${number(scope)} ${pick('+', '-', '*', '%', '&', '|', '^')} ${
            number(scope)})`,
        () => `(${number(scope)} ?? ${number(scope)})`,
        () => `(${bool(scope)} ? ${number(scope)} : ${number(scope)})`,
        () => `(2 ** ${random(5)})`,
        () => `${object(scope)}.a`, () => `(${object(scope)}?.b ?? ${
            random(5)})`,
        () => `${array(scope)}.length`, () => `(${array(scope)}[${random(3)}] || 0)`,
        () => `((x, y = ${number(scope)}, ...z) => x + y + z.length)(${
            number(scope)}, ...${array(scope)})`,
        () => `${func(scope)}(${number(scope)})`,
        () => `(null?.[${number(scope)}] ?? ${random(9)})`,
        () => `(() => { let t = 0; for (const q of ${array(scope)}) { ` +
            `if (q > 9) continue; t += q; } return t; })()`,
        () => `(({ a, ...rest }) => a + Object.keys(rest).length)(${
            object(scope)})`,
        () => `[...${string(scope)}].length`,
        () => `(function () { return arguments.length; })(...${array(scope)})`)();
    --depth;
    return out;
}

function bool(scope) {
    return pick(
        () => `${number(scope)} ${pick('<', '>', '===', '!==', '<=')} ${
            number(scope)}`,
        () => `!(${number(scope)} % 2)`, () => `'a' in ${object(scope)}`)();
}

const pattern = () => pick('/[a-z]/', '/./u', '/(?<n>[a-c])(\\d)?/', '/\\d+/',
    '/^.{1,3}$/', '/(?<=<)./s', '/x|<|\\|/', '/\\u{1F600}/u', '/[^\\w]/',
    '/(a)|(b)/i', '/\\b/', '/h(?!e)|s$/m');

// With the flag g, behind whatever flags it has.
const global = () => pattern() + 'g';

function search(scope) {
    const s = string(scope);
    return pick(
        () => `${s}.replace(${global()}, (m, ...a) => '[' + m + a.length + ']')`,
        () => `${s}.replace(${pattern()}, '($&$\`)')`,
        () => `${s}.replaceAll('a', (m, i) => i)`,
        () => `JSON.stringify(${s}.match(${pattern()}))`,
        () => `JSON.stringify([...${s}.matchAll(${global()})].map((m) => ` +
            `[m[0], m.index, m.groups?.n]))`,
        () => `${s}.split(${pattern()}).join('/')`,
        () => `String(${s}.search(${pattern()}))`,
        () => `((r, s) => { const o = []; let m; while ((m = r.exec(s)) && ` +
            `o.length < 9) { o.push(r.lastIndex); if (!m[0]) r.lastIndex++; } ` +
            `return o.join(); })(${global()}, ${s})`,
        () => `String(${pattern()}.test(${s}))`)();
}

function string(scope) {
    const v = variable(scope, 'str');
    if (depth < 4 && !random(3)) {
        ++depth;
        const out = pick(() => search(scope), () => search(scope),
            () => `[...${string(scope)}].reverse().join('')`,
            () => `${string(scope)}.slice(${random(4) - 2})`,
            () => `${string(scope)}.padStart(${random(9)}, '*')`,
            () => `${string(scope)}.toUpperCase().repeat(${random(3)})`,
            () => `String(${string(scope)}.codePointAt(${random(3)}))`,
            () => `(${string(scope)}.at(${random(5) - 2}) ?? '-')`,
            () => `JSON.stringify({ s: ${string(scope)} })`,
            () => `encodeURIComponent(${string(scope)}.trim().charAt(0) === ` +
                `'\u{1F600}'[0] ? 'half' : ${string(scope)}.includes('<'))`)();
        --depth;
        return out.replace(/^\(/, '(');
    }
    return pick(
        () => pick("'abc'", "'h\\u00e9llo'", "'\\u{1F600}x'", '`t`'),
        () => v || "'s'", () => `\`<\${${number(scope)}}>\``,
        () => `((s, ...v) => s.raw.join('|') + v.join())\`a\${${
            number(scope)}}\\n\``)();
}

function object(scope) {
    const v = variable(scope, 'obj');
    if (v && random(2)) { return v; }
    const k = `['k' + ${random(3)}]`;
    return pick(
        () => `({ a: ${number(scope)}, b: ${random(9)} })`,
        () => `({ a: 1, ${k}: ${number(scope)}, ...{ c: 2, a: 5 } })`,
        () => `({ b: 2, get a() { return this.b + 1; } })`,
        () => `({ a: 3, f() { return super.toString !== undefined; } })`)();
}

function array(scope) {
    const v = variable(scope, 'arr');
    if (v && random(2)) { return v; }
    if (depth > 3) { return '[1, 2]'; }
    ++depth;
    const out = pick(
        () => `[${number(scope)}, ${number(scope)}]`,
        () => `[0, ...${array(scope)}]`,
        () => `[...new Set([1, ${number(scope)}, 1])]`,
        () => `${array(scope)}.map((x, i) => x * ${random(4)} + i)`,
        () => `${array(scope)}.filter((x) => x > ${random(4)})`,
        () => `${array(scope)}.slice().sort((x, y) => y - x)`,
        () => `${array(scope)}.concat([[${number(scope)}]]).flat()`,
        () => `${array(scope)}.slice(${random(3)}, ${random(4)})`,
        () => `Array.from({ length: ${random(4)} }, (x, i) => i * ${
            number(scope)})`,
        () => `Array.from(new Map(${array(scope)}.map((x, i) => [x, i]))` +
            `.values())`)();
    --depth;
    return out;
}

function func(scope) {
    return variable(scope, 'fun') || `((n) => n + ${random(5)})`;
}

// ---- statements -----------------------------------------------------------

function declaration(scope) {
    const n = fresh();
    const m = fresh();
    const keep = (kind, name = n) => scope.push({ name, kind });
    const kw = pick('let', 'const', 'var');
    return pick(
        () => { const s = `${kw} ${n} = ${number(scope)};`; keep('num'); return s; },
        () => { const s = `${kw} ${n} = ${string(scope)};`; keep('str'); return s; },
        () => { const s = `${kw} ${n} = ${object(scope)};`; keep('obj'); return s; },
        () => { const s = `${kw} ${n} = ${array(scope)};`; keep('arr'); return s; },
        () => {
            const s = `${kw} { a: ${n}, zz: [${m} = ${random(9)}] = [] } = ${
                object(scope)};`;
            keep('num');
            keep('num', m);
            return s;
        },
        () => {
            const s = `${kw} [${n} = 4, ...${m}] = ${array(scope)};`;
            keep('num');
            keep('arr', m);
            return s;
        },
        () => {
            const s = `${kw} ${n} = (p) => p * 2 + ${number(scope)};`;
            keep('fun');
            return s;
        },
        () => {
            const s = `function ${n}(p, { q = ${number(scope)} } = {}) { ` +
                `return p + q; }`;
            keep('fun');
            return s;
        },
        () => klass(scope, n, m))();
}

function klass(scope, n, m) {
    const i = fresh();
    const s = `class ${n} { #p = ${number(scope)}; static s = ${random(9)}; ` +
        `y = this.#p + 1; constructor(x = 2) { this.x = x; } ` +
        `get p() { return this.#p; } set p(v) { this.#p = v; } ` +
        `m(k) { return this.x + k; } static t() { return this.s; } } ` +
        `class ${m} extends ${n} { z = this.y * 2; constructor(...a) ` +
        `{ super(...a); const f = () => this.x++; f(); } ` +
        `m(k) { return super.m(k) + 100; } static t() ` +
        `{ return super.t() + 1; } } const ${i} = new ${m}(${number(scope)}); ` +
        `${i}.p += 3; out.push(${i}.m(1), ${i}.p, ${i}.z, ${m}.t(), ` +
        `${i} instanceof ${n}, JSON.stringify(${i}), ${n}.name);`;
    return s;
}

function loop(scope, level) {
    const n = fresh();
    const inner = scope.concat({ name: n, kind: 'num' });
    const body = block(inner, level + 1);
    const leave = pick('', '', `if (${n} === 2) continue;`,
        `if (${n} > 2) break;`);
    return pick(
        () => `for (let ${n} = 0; ${n} < 3; ${n}++) { ${leave} ` +
            `fns.push(() => ${n}++); ${body} }`,
        () => `for (const ${n} of ${array(scope)}) { ${leave} ${body} ` +
            `fns.push(() => ${n}); }`,
        () => `for (const [k${n}, ${n}] of new Map([['a', 1], ['b', ${
            random(5)}]])) { ${leave} out.push(k${n}); ${body} }`,
        () => `L${n}: for (const ${n} of [1, 2, 3]) { for (let j of [1, 2]) ` +
            `{ fns.push(() => j + ${n}); if (j + ${n} === 3) continue L${n}; ` +
            `if (${n} === 3) break L${n}; } ${body} }`,
        () => `for (const k${n} in ${object(scope)}) { let ${n} = k${n}.length;` +
            ` fns.push(() => k${n} + ${n}); ${body} }`,
        () => `{ let ${n} = 0; do { ${n}++; ${body} } while (${n} < 2); }`)();
}

function statement(scope, level) {
    const v = variable(scope, 'num');
    return pick(
        () => declaration(scope), () => declaration(scope),
        () => level < 3 ? loop(scope, level) : '',
        () => `out.push(${number(scope)});`,
        () => `out.push(${string(scope)});`,
        () => `if (${bool(scope)}) { ${block(scope.slice(), level + 1)} } ` +
            `else { out.push('e'); }`,
        () => `try { ${block(scope.slice(), level + 1)} if (${bool(scope)}) ` +
            `throw new RangeError('r${random(9)}'); } catch ({ name, message })` +
            ` { out.push(name === 'RangeError' ? message : name); } finally { out.push('f'); }`,
        () => `try { ${v || 'zz'} ??= 1; ${v || 'zz'} += 2; } catch (e) ` +
            `{ out.push(e.name); }`,
        () => `switch (${number(scope)} % 3) { case 0: let c${level} = 'z'; ` +
            `out.push(c${level}); break; case 1: out.push('one'); ` +
            `default: out.push('d'); }`,
        () => `fns.push(() => ${number(scope)});`,
        () => `out.push(${array(scope)});`)();
}

function block(scope, level) {
    let text = '';
    for (let i = random(3) + 1; i > 0; --i) {
        text += statement(scope, level) + '\n';
    }
    return text;
}

function program() {
    const scope = [];
    names = 0;
    depth = 0;
    let text = pick("'use strict';\n", '') +
        'const out = [], fns = [];\n';
    for (let i = 0; i < 6; ++i) { text += statement(scope, 0) + '\n'; }
    return text + 'for (const f of fns) { try { out.push(f()); } catch (e) ' +
        '{ out.push(e.name); } }\nprint(JSON.stringify(out));\n';
}

// ---- comparison -----------------------------------------------------------

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'es-'));
let passed = 0;
let failed = 0;
const programs = [];
while (programs.length < Number(count)) {
    const text = program();
    let expected = '';
    try {
        vm.runInNewContext(`(function () {${text}})()`, {
            print: (s) => { expected += s + '\n'; }
        }, { timeout: 1000 });
    } catch (e) {
        if (e instanceof SyntaxError) { throw new Error(e.message + text); }
        expected = null; // a program that throws says nothing
    }
    if (expected !== null && expected.length < 10000) {
        const file = path.join(dir, programs.length + '.js');
        fs.writeFileSync(file, text);
        programs.push({ text, expected, file });
    }
}
for (let i = 0; i < programs.length; i += 50) {
    const part = programs.slice(i, i + 50);
    const run = spawnSync(esrun, [...part.map((p) => p.file), '/dev/null'],
        { encoding: 'utf8', timeout: 120000 });
    let rest = run.stdout;
    for (const p of part) {
        const mark = `ok ${p.file}\n`;
        const at = rest.indexOf(mark);
        const got = at < 0 ? rest.slice(0, 300) : rest.slice(0, at);
        if (got === p.expected) {
            ++passed;
        } else if (++failed <= 5) {
            console.log(`--- ${p.text}\n--- expected ${p.expected}--- got ${
                got} ${run.stderr.slice(0, 300)}`);
        }
        const line = rest.indexOf(p.file);
        rest = line < 0 ? rest : rest.slice(rest.indexOf('\n', line) + 1);
    }
}
fs.rmSync(dir, { recursive: true });
console.log(`es: ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
