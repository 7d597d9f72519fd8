// SPDX-License-Identifier: Apache-2.0
// differential.js RENDER [COUNT]: made-up templates and records, rendered by
// handlebars.js and by RENDER (render.c), must give the same text. The same
// ones in every run. Prints "passed failed" last.
'use strict';
const { execFileSync } = require('child_process');
const Handlebars = require('handlebars');

const render = process.argv[2];
const count = Number(process.argv[3] || 3000);

let seed = 20240611;
function random(n) {
    // xorshift: good enough, and the same everywhere
    seed ^= seed << 13; seed ^= seed >>> 17; seed ^= seed << 5;
    return (seed >>> 0) % n;
}
const pick = list => list[random(list.length)];
const chance = percent => random(100) < percent;

// --- records: lists are lN, objects oN, everything else a scalar -------------
// No null: where the context is null handlebars.js makes an empty object of it
// for some helpers and prints that; we print nothing.
const texts = ['', 'x', 'a b', '<b>&"\'`=', 'é😀', '0', 'false', 'two\nlines',
    ' pad ', '12.50'];
const scalar = () => pick([() => pick(texts), () => random(5),
    () => random(1000) / 8 - 20, () => chance(50), () => 1e21, () => 0])();
function fields(depth) {
    const record = {};
    for (const name of ['a', 'b', 'c d', '0', 'é', 'this', 'x-y'])
        if (chance(60)) record[name] = scalar();
    if (depth > 0) {
        if (chance(80)) record.o1 = fields(depth - 1);
        if (chance(40)) record.o2 = chance(30) ? {} : fields(depth - 1);
        if (chance(80))
            record.l1 = Array.from({ length: random(4) }, () => fields(depth - 1));
        if (chance(60))
            record.l2 = Array.from({ length: random(4) }, scalar);
        if (chance(30))
            record.l3 = Array.from({ length: random(3) },
                () => Array.from({ length: random(3) }, scalar));
    }
    return record;
}
// Where we differ on purpose, make handlebars.js differ likewise: objects print
// as JSON and not as "[object Object]", and a name in an array of rows is the
// first row's field.
function ours(v) {
    if (v && typeof v === 'object') {
        Object.values(v).forEach(ours);
        if (!Array.isArray(v)) {
            Object.defineProperty(v, 'toString',
                { value() { return JSON.stringify(this); } });
        } else if (v[0] && typeof v[0] === 'object' && !Array.isArray(v[0])) {
            for (const key of Object.keys(v[0]))
                if (!(key in v)) Object.defineProperty(v, key, { value: v[0][key] });
        }
    }
    return v;
}

// --- templates ----------------------------------------------------------------
const name = () => pick(['a', 'b', '[c d]', '[0]', 'é', '[this]', 'x-y', 'zz']);
const object = () => pick(['o1', 'o1', 'o2', 'o1.o1', 'o1/o2', 'none']);
const list = () => pick(['l1', 'l1', 'l2', 'l3', 'o1.l1', 'none']);
const up = () => pick(['', '', '', '', 'this.', './', '../', '../../',
    '@root.', '../this/']);
function path(params) {
    const simple = [
        () => up() + name(),
        () => up() + object() + '.' + name(),
        () => up() + 'l1.[' + random(3) + '].' + name(),
        // not from @root: there handlebars.js prints what a 0 on the way is
        () => pick(['', 'this.', '../']) + 'l2.[' + random(3) + '].length',
        () => up() + list() + '.length',
        () => pick(['this', '.', '@index', '@key', '@first', '@last',
            '@../index', '@../key', '@root.a', '..', '../..']),
    ];
    if (params.length && chance(40)) return pick(params);
    return pick(simple)();
}
const literal = () => pick(['"text"', "'it \"is\"'", '12', '-3.5', 'true',
    'false', 'null', 'undefined', '""', '"a\\"b"']);
const value = params => chance(30) ? literal() : path(params);
function call(params, depth) {
    const inner = () => depth > 0 && chance(40)
        ? '(' + call(params, depth - 1) + ')' : value(params);
    return pick([() => 'eq ' + inner() + ' ' + inner(),
        () => 'isTruthy ' + inner(),
        () => 'typeOf ' + inner(),
        () => 'add ' + pick(['1', '2.5', '"3"']) + ' ' + inner(),
        () => 'lookup ' + pick([object(), '@root']) +
            ' "' + pick(['a', 'b', 'x-y']) + '"'])();
}
const argument = (params, depth) =>
    chance(25) ? '(' + call(params, depth) + ')' : value(params);
const blank = () => pick(['', '', ' ', '\n', '  \n', '\n\n  ', '\t', '\r\n']);
const text = () => pick(['', 'text', ' ', '{ ', ' }', ' }}', 'é', '\\', '<p>']);
const tilde = () => chance(8) ? '~' : '';
const open = (sigil, rest) =>
    '{{' + tilde() + sigil + rest + (chance(10) ? ' ' : '') + tilde() + '}}';

function block(params, depth) {
    const body = (p) => program(p, depth - 1);
    const otherwise = () => chance(40)
        ? open(pick(['else', '^']), '') + body(params) : '';
    const chain = () => {
        let out = '';
        while (chance(30)) {
            out += open('else ', pick(['if ', 'unless ']) +
                argument(params, 1)) + body(params);
        }
        return out + otherwise();
    };
    const withParams = (subject, names) => {
        if (chance(60)) return [subject, params];
        const used = names.slice(0, 1 + random(names.length));
        return [subject + ' as |' + used.join(' ') + '|', [...params, ...used]];
    };
    const kind = random(7);
    if (kind < 2) {
        const word = pick(['if', 'unless']);
        const zero = chance(10) ? ' includeZero=true' : '';
        return open('#', word + ' ' + argument(params, 1) + zero) +
            body(params) + chain() + open('/', word);
    }
    if (kind < 4) {
        const [head, inner] = withParams('each ' +
            pick([list(), object(), '../' + list(), 'this', '@root.l1']),
        ['it' + depth, 'ix' + depth]);
        return open('#', head) + body(inner) + otherwise() + open('/', 'each');
    }
    if (kind === 4) {
        const [head, inner] = withParams('with ' + pick([object(), path(params)]),
            ['w' + depth]);
        return open('#', head) + body(inner) + otherwise() + open('/', 'with');
    }
    const section = pick([list(), object(), name(), 'zz']);
    if (kind === 5)
        return open('#', section) + body(params) + otherwise() +
            open('/', section);
    return open('^', section) + body(params) + otherwise() + open('/', section);
}
function piece(params, depth) {
    const kind = random(depth > 0 ? 14 : 9);
    if (kind < 3) return text() + blank();
    if (kind < 6) return open('', path(params));
    if (kind === 6)
        // With text before raw values: alone, handlebars.js adds numbers up.
        return pick(['x{{{' + path(params) + '}}}', 'x{{&' + path(params) + '}}',
            'x{{~{' + path(params) + '}~}}', open('', call(params, 2))]);
    if (kind === 7)
        return pick([blank() + '{{! c }}' + blank(), '{{!-- }} --}}',
            '{{~! c ~}}', '\\{{' + name() + '}}', '\\\\{{' + path(params) + '}}',
            '{{{{raw}}}} {{a}} {{{{/raw}}}}']);
    if (kind === 8) return open('', pick(['12', '"a"', '[c d]', 'true']));
    return blank() + block(params, depth) + blank();
}
function program(params, depth) {
    let out = '';
    for (let n = random(4) + 1; n > 0; --n) out += piece(params, depth);
    return out;
}

// --- the helpers that templates use, as small as can be ------------------------
const expected = Handlebars.create();
const number = v => Number(v);
expected.registerHelper({
    // eslint-disable-next-line eqeqeq
    eq: (a, b) => a == b,
    isTruthy: v => Boolean(v),
    typeOf: v => Array.isArray(v) ? 'array' : typeof v,
    add: (a, b) => number(a) + number(b),
    raw: options => options.fn(),
});

const cases = [];
for (let i = 0; i < count; ++i) {
    const template = program([], 3), data = fields(2);
    let want;
    try {
        want = expected.compile(template)(
            ours(JSON.parse(JSON.stringify(data))));
    } catch (e) {
        want = null;
    }
    cases.push({ template, data, want });
}
const input = cases.map(c => JSON.stringify({ template: c.template,
    data: c.data, escape: 'html', blank: true })).join('\n') + '\n';
const got = execFileSync(render, { input, maxBuffer: 1 << 30 }).toString()
    .trim().split('\n').map(line => JSON.parse(line));

let passed = 0, failed = 0, refused = 0;
cases.forEach((c, i) => {
    const text = 'text' in got[i] ? got[i].text : null;
    if (c.want === null) ++refused;
    if (text === c.want) {
        ++passed;
    } else if (++failed <= 20) {
        console.log('FAILED ' + JSON.stringify(c.template));
        console.log('  with     ' + JSON.stringify(c.data));
        console.log('  expected ' + JSON.stringify(c.want));
        console.log('  got      ' + JSON.stringify(got[i]));
    }
});
console.log(`differential: ${passed} agree (${refused} refused by both), ` +
    `${failed} do not`);
console.log(`${passed} ${failed}`);
process.exit(failed ? 1 : 0);
