#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run.py ESRUN TEST262 [--freeze] [--only PREFIX]: run test262.

ESRUN is the program of tests/conformance/es/esrun.c, TEST262 a checkout of
tc39/test262 (fetch.sh). selected.txt has the directories; left out is what
scripts cannot have (NO_FEATURES, NO_SOURCE). What fails must stand in
failing.txt (reason, tab, test); --freeze writes that file. Succeeds when
nothing else fails. The last line is "passed failed", where what is known to
fail counts as neither.
"""
import collections
import concurrent.futures
import os
import re
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FAILING = os.path.join(HERE, 'failing.txt')
MEMORY = 4 << 30

# After ES2020, for browsers only (annex B), or excluded: generators, asynchrony, BigInt, other realms,
# intercepted objects, binary data, symbols beyond iterator.
NO_FEATURES = set('''
    generators async-iteration async-functions top-level-await BigInt Proxy
    dynamic-import import.meta import-assertions import-attributes import-defer
    import-text import-bytes json-modules source-phase-imports
    source-phase-imports-module-source arbitrary-module-namespace-names
    Symbol.toPrimitive Symbol.toStringTag Symbol.hasInstance Symbol.match
    Symbol.matchAll Symbol.replace Symbol.search Symbol.split
    Symbol.species Symbol.unscopables Symbol.asyncIterator
    Symbol.isConcatSpreadable symbols-as-weakmap-keys
    SharedArrayBuffer Atomics TypedArray ArrayBuffer DataView Uint8Array
    Int8Array Float32Array Float64Array Uint8ClampedArray Int16Array Int32Array
    Uint16Array Uint32Array resizable-arraybuffer arraybuffer-transfer
    WeakRef FinalizationRegistry host-gc-required cross-realm caller
    tail-call-optimization class-static-block decorators hashbang Temporal
    explicit-resource-management immutable-arraybuffer Array.fromAsync
    nonextensible-applies-to-private u180e regexp-v-flag regexp-match-indices
    regexp-modifiers regexp-duplicate-named-groups legacy-regexp
    regexp-unicode-property-escapes iterator-helpers iterator-sequencing
    joint-iteration change-array-by-copy array-grouping set-methods
    promise-try promise-with-resolvers Promise.any error-cause AggregateError
    Error.isError Error.prototype.stack error-stack-accessor json-parse-with-source
    Math.sumPrecise Float16Array uint8array-base64 RegExp.escape
    String.prototype.isWellFormed String.prototype.toWellFormed
    well-formed-json-stringify upsert await-dictionary ShadowRealm
    canonical-tz Intl-enumeration Array.prototype.at Object.hasOwn
    array-find-from-last class-fields-private-in
    arbitrary-module-namespace-names Reflect.parse stable-array-sort
    Symbol.dispose exact-math __getter__ __setter__ __proto__ caller'''.split()) - {
        'Array.prototype.at', 'Object.hasOwn', 'array-find-from-last',
        'class-fields-private-in', 'stable-array-sort',
        'well-formed-json-stringify'}
NO_SOURCE = re.compile(
    r'function\s*\*|\byield\b|\bwith\s*\(|createRealm|detachArrayBuffer|'
    r'\$262\.(agent|gc|IsHTMLDDA|AbstractModuleSource)|<!--|-->|'
    r'\*\s*(\w+|\[[^\]]*\]|\'[^\']*\'|"[^"]*")\s*\(\s*\)\s*\{|\bnew Proxy\b|\bProxy\b|\b\d+n\b|\bBigInt\b|'
    r'(Uint|Int|Float)\d+Array|\bArrayBuffer\b|\bimport\(|testTypedArray|'
    r'Symbol\.(toPrimitive|toStringTag|hasInstance|match|matchAll|replace|'
    r'search|split|species|unscopables|asyncIterator|isConcatSpreadable)')
NO_INCLUDES = {'testTypedArray.js', 'detachArrayBuffer.js', 'proxyTrapsHelper.js',
               'testAtomics.js', 'nativeFunctionMatcher.js', 'wellKnownIntrinsicObjects.js',
               'hidden-constructors.js', 'resizableArrayBufferUtils.js'}
# Direct eval of new syntax.
NO_EVAL = re.compile(r'(?<![\w.,])eval\s*\(')
META = re.compile(r'/\*---(.*?)---\*/', re.S)

# Why tests fail: the first line that fits a test's name, and its text if one
# is given.
REASONS = (
    (r'generator|head-init-async-of|with-pref', None, 'generators, and for (async of'),
    (r'CharacterClassEscapes', None, 'the flag v is of 2024'),
    (r'lookBehind|named-groups/lookbehind', None,
     'PCRE2: each alternative of a lookbehind has a fixed length'),
    (r'RegExp/named-groups|regexp/named-groups', None,
     'names of groups with escapes; members that a result inherits'),
    (r'lastindex-no-write|prototype/(global|ignoreCase|multiline)/S15', None,
     'attributes of lastIndex and of getters'),
    (r'/RegExp/|literals/regexp', None,
     'PCRE2: groups in repetitions, case folding; halves of characters in eval'),
    (r'eval-code|indirect-eval|global-env|function-code/10.4.3-1-\d+gs|'
     r'statements/variable|identifier-resolution|eval-optional|types/object', None,
     'variables at the top of a script are its own, not the global object\'s'),
    (r'S11\.13|eval-var', r'\beval\s*\(',
     'a direct eval that declares a variable while an assignment is made'),
    (None, r'(?<![\w.])eval\s*\(', 'code in a direct eval sees renamed variables'),
    (r'arguments-object|mapped|arguments', None,
     'parameters do not change with arguments'),
    (r'dstr|destructuring', None,
     'an iterable is read before the targets of a pattern are evaluated'),
    (r'let-closure-inside|scope-.*-lex-open', None,
     'scopes of the heads of loops and classes'),
    (r'private-[gs]etter-is-not', None, 'annex B: __lookupGetter__'),
    (r'identifiers/', None, 'the time limit of a test'),
    (r'/Array|/Object|/Reflect|/Function|/Map|/Set|/Weak|/Symbol|/Error|'
     r'NativeErrors|/Proxy', None, 'Array, Object and Function'),
    (r'built-ins', None, 'other built-in functions'),
    (r'language', None, 'other conversions and names'),
)


def read(path):
    with open(path, newline='', encoding='utf8',
              errors='surrogateescape') as f:
        return f.read()


def field(meta, name):
    m = re.search(name + r':\s*\[(.*?)\]', meta, re.S)
    if m:
        return [x.strip() for x in m.group(1).split(',') if x.strip()]
    m = re.search(name + r':\s*\n((?:\s+-\s+.*\n?)+)', meta)
    if not m:
        return []
    return [x.strip()[2:].strip() for x in m.group(1).strip().split('\n')]


class Test:
    def __init__(self, name, source):
        m = META.search(source)
        meta = m.group(1) if m else ''
        self.name = name
        self.source = source
        self.body = META.sub('', source)
        self.includes = field(meta, 'includes')
        self.flags = field(meta, 'flags')
        self.features = set(field(meta, 'features'))
        m = re.search(r'negative:\s*\n\s+phase:\s*(\w+)\s*\n\s+type:\s*(\w+)',
                      meta)
        self.negative = m.groups() if m else None

    def selected(self):
        return not (NO_FEATURES & self.features or
                    {'module', 'CanBlockIsFalse'} & set(self.flags) or
                    NO_INCLUDES & set(self.includes) or
                    NO_SOURCE.search(self.body) or
                    (NO_EVAL.search(self.body) and
                     re.search(r'class|arrow|method|dflt|=>|\blet\b|\bconst\b|'
                               r'\.\.\.', self.name + self.body)))

    def text(self, root):
        parse = self.negative and self.negative[0] == 'parse'
        files = [] if parse or 'raw' in self.flags else \
            ['assert.js', 'sta.js'] + self.includes
        if 'async' in self.flags:
            files.append('doneprintHandle.js')
        # what the harness declares is global there
        tail = '\nglobalThis.$DONE = $DONE;\n' if 'doneprintHandle.js' in files \
            else ''
        strict = '"use strict";\n' if 'onlyStrict' in self.flags else ''
        return strict + ''.join(
            read(os.path.join(root, 'harness', f)) for f in files) + tail + self.source

    def passes(self, result):
        status, message = result
        if not self.negative:
            return status == 'ok' and ('async' not in self.flags or
                                       'AsyncTestComplete' in message)
        kind = 'SyntaxError' if self.negative[0] == 'parse' \
            else self.negative[1]
        return status == 'FAILED' and kind in message

    def reason(self):
        for pattern, text, reason in REASONS:
            if (not pattern or re.search(pattern, self.name)) and \
                    (not text or re.search(text, self.body)):
                return reason
        return 'other: ' + '/'.join(self.name.split('/')[:3])


def folders():
    chosen, out = [], []
    for line in open(os.path.join(HERE, 'selected.txt'), encoding='utf8'):
        line = line.strip()
        if line.startswith('-'):
            out.append(line[1:] + '/')
        elif line and not line.startswith('#'):
            chosen.append(line)
    return chosen, tuple(out)


def find(root, only):
    top = os.path.join(root, 'test')
    chosen, out = folders()
    for start in chosen:
        for folder, inner, files in os.walk(os.path.join(top, start)):
            inner.sort()
            for f in sorted(files):
                path = os.path.join(folder, f)
                name = os.path.relpath(path, top)
                if not f.endswith('.js') or '_FIXTURE' in f or \
                        name.startswith(out) or not name.startswith(only):
                    continue
                test = Test(name, read(path))
                if test.selected():
                    yield test


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(5)


def run(esrun, files, results):
    """Several files in one process; after a crash, each by itself."""
    env = dict(os.environ, MALLOC_MMAP_THRESHOLD_='33554432',
               MALLOC_TRIM_THRESHOLD_='1000000000')
    try:
        out = subprocess.run([esrun] + files + ['/dev/null'],
                             stdout=subprocess.PIPE, env=env,
                             stderr=subprocess.STDOUT, timeout=100,
                             preexec_fn=limit, check=False).stdout
    except subprocess.TimeoutExpired as e:
        out = e.stdout or b''
    printed = ''
    for line in out.decode('utf8', 'replace').split('\n'):
        m = re.match(r'(ok|FAILED) (\S+/\d+\.js)(?:$|: (.*))', line)
        if m:
            results[m.group(2)] = (m.group(1), m.group(3) or printed)
            printed = ''
        else:
            printed = line
    left = [f for f in files if f not in results]
    if left and len(files) > 1:
        # the first that has no result is the one that ended the program
        run(esrun, left[:1], results)
        if left[1:]:
            run(esrun, left[1:], results)
    elif left:
        results[left[0]] = ('CRASHED', '')


def measure(esrun, root, tests):
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i, test in enumerate(tests):
            files.append(os.path.join(folder, '%d.js' % i))
            with open(files[-1], 'w', newline='', encoding='utf8',
                      errors='surrogateescape') as f:
                f.write(test.text(root))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda i: run(esrun, files[i:i + 40], results),
                          range(0, len(files), 40)))
        return [(t, results.get(f, ('CRASHED', '')))
                for t, f in zip(tests, files)]


def freeze(failed):
    with open(FAILING, 'w', encoding='utf8') as f:
        for line in sorted('%s\t%s\n' % (t.reason(), t.name)
                           for t, _ in failed):
            f.write(line)
    for reason, n in collections.Counter(
            t.reason() for t, _ in failed).most_common():
        print('%5d %s' % (n, reason))


def main():
    esrun, root = sys.argv[1:3]
    only = sys.argv[sys.argv.index('--only') + 1] \
        if '--only' in sys.argv else ''
    tests = list(find(root, only))
    failed = [(t, r) for t, r in measure(esrun, root, tests)
              if not t.passes(r)]
    print('test262: %d of %d passed (%.2f %%)' %
          (len(tests) - len(failed), len(tests),
           100 - 100 * len(failed) / max(1, len(tests))))
    if '--verbose' in sys.argv:
        for test, result in failed:
            print('%s: %s %s' % (test.name, *result))
    if '--freeze' in sys.argv:
        freeze(failed)
        return 0
    known = {line.rstrip('\n').split('\t')[1] for line in open(
        FAILING, encoding='utf8')}
    new = [(t, r) for t, r in failed if t.name not in known]
    for test, result in new:
        print('new failure: %s: %s %s' % (test.name, *result))
    print(len(tests) - len(failed), len(new))
    return 1 if new else 0


if __name__ == '__main__':
    sys.exit(main())
