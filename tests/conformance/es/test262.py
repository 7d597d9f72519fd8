#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test262.py ESRUN TEST262 [--freeze]: run test262's language tests.

ESRUN is the program of esrun.c, TEST262 a checkout of tc39/test262 (only
harness/ and test/language/ are read). Tests of what the syntax compiler
refuses, and of globals that only the library has, are left out. What fails
must stand in test262-failing.txt (group, tab, test); --freeze writes that
file. Succeeds when nothing else fails.
"""
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LIST = os.path.join(HERE, 'test262-failing.txt')
RUNTIME = os.path.join(HERE, '../../../mod_flow/script/lib/es_runtime.js')

NO_FEATURES = set('''
    generators async-iteration async-functions top-level-await BigInt Proxy
    dynamic-import import.meta import-assertions import-attributes import-defer
    import-text import-bytes json-modules source-phase-imports
    source-phase-imports-module-source arbitrary-module-namespace-names
    Symbol Symbol.toPrimitive Symbol.toStringTag Symbol.hasInstance
    Symbol.species Symbol.unscopables Symbol.asyncIterator
    Reflect Reflect.construct SharedArrayBuffer Atomics TypedArray ArrayBuffer
    WeakRef FinalizationRegistry host-gc-required cross-realm caller
    tail-call-optimization class-static-block decorators hashbang Temporal
    explicit-resource-management immutable-arraybuffer Array.fromAsync
    nonextensible-applies-to-private u180e regexp-v-flag regexp-match-indices
    regexp-modifiers regexp-duplicate-named-groups
    regexp-unicode-property-escapes'''.split())
NO_PLACES = tuple('''
    module-code import export eval-code global-code literals/regexp
    literals/bigint comments/hashbang identifier-resolution/S10
    expressions/dynamic-import expressions/import.meta expressions/generators
    expressions/async expressions/yield expressions/await expressions/tco
    statements/async statements/generators statements/for-await-of
    statements/with statements/using statements/await-using'''.split())
NO_SOURCE = re.compile(r'function\s*\*|\byield\b|\bwith\s*\(|\$262|<!--|-->|'
                       r'\*\s*\w+\s*\(\s*\)\s*\{|\basync\b')
META = re.compile(r'/\*---(.*?)---\*/', re.S)


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
        return not (self.name.startswith(NO_PLACES) or
                    NO_FEATURES & self.features or
                    {'module', 'async', 'CanBlockIsFalse'} & set(self.flags) or
                    NO_SOURCE.search(self.body))

    def text(self, root):
        parse = self.negative and self.negative[0] == 'parse'
        files = [] if parse or 'raw' in self.flags else \
            ['assert.js', 'sta.js'] + self.includes
        strict = '"use strict";\n' if 'onlyStrict' in self.flags else ''
        return strict + ''.join(
            read(os.path.join(root, 'harness', f)) for f in files) + self.source

    def passes(self, result):
        status, message = result
        if not self.negative:
            return status == 'ok'
        kind = 'SyntaxError' if self.negative[0] == 'parse' \
            else self.negative[1]
        return status == 'FAILED' and kind in message

    def group(self):
        """Why it fails, as far as its name and text tell."""
        for pattern, text, group in (
                (r'cptn|completion', None, 'completion value of eval'),
                (None, r'\beval\s*\(|Function\(', 'direct eval'),
                (r'arguments-object|mapped', None, 'arguments object'),
                (r'length|trailing-comma', None, 'length of functions'),
                (None, r'Proxy|Uint8Array|ArrayBuffer|DataView|Promise|'
                 r'AggregateError', 'library'),
                (r'thrw-close|iterator-close|iterator-return', None,
                 'iterator closed after a throw'),
                (r'private', None, 'private methods are on the prototype'),
                (r'name-|/name|definition/', None, 'properties of functions'),
                (r'super|subclass', None, 'super'),
                (r'_A\d|_T\d|S\d', None, 'engine: conversions and order')):
            if (not pattern or re.search(pattern, self.name)) and \
                    (not text or re.search(text, self.source)):
                return group
        return 'other'


def find(root):
    top = os.path.join(root, 'test/language')
    for folder, folders, files in os.walk(top):
        folders.sort()
        for f in sorted(files):
            if f.endswith('.js') and '_FIXTURE' not in f:
                path = os.path.join(folder, f)
                test = Test(os.path.relpath(path, top), read(path))
                if test.selected():
                    yield test


def run(esrun, runtime, files, results):
    """Several files in one process; after a crash, each by itself."""
    env = dict(os.environ, MALLOC_MMAP_THRESHOLD_='33554432',
               MALLOC_TRIM_THRESHOLD_='1000000000')
    try:
        out = subprocess.run([esrun, '-r', runtime] + files + ['/dev/null'],
                             stdout=subprocess.PIPE, env=env,
                             stderr=subprocess.STDOUT, timeout=60,
                             check=False).stdout
    except subprocess.TimeoutExpired as e:
        out = e.stdout or b''
    for line in out.decode('utf8', 'replace').split('\n'):
        m = re.match(r'(ok|FAILED) (\S+/\d+\.js)(.*)', line)
        if m:
            results[m.group(2)] = (m.group(1), m.group(3))
    left = [f for f in files if f not in results]
    if left and len(files) > 1:
        run(esrun, runtime, left[:1], results)
        run(esrun, runtime, left[1:], results)
    elif left:
        results[left[0]] = ('CRASHED', '')


def main():
    esrun, root = sys.argv[1:3]
    tests = list(find(root))
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        runtime = os.path.join(folder, 'runtime.js')
        with open(runtime, 'w', encoding='utf8') as f:
            f.write(read(RUNTIME) + read(os.path.join(HERE, 'shim.js')))
        files = []
        for i, test in enumerate(tests):
            files.append(os.path.join(folder, '%d.js' % i))
            with open(files[-1], 'w', newline='', encoding='utf8',
                      errors='surrogateescape') as f:
                f.write(test.text(root))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda i: run(esrun, runtime, files[i:i + 40],
                                        results), range(0, len(files), 40)))
        failed = [t for t, f in zip(tests, files)
                  if not t.passes(results.get(f, ('CRASHED', '')))]
    print('test262: %d of %d passed (%.2f %%)' %
          (len(tests) - len(failed), len(tests),
           100 - 100 * len(failed) / len(tests)))
    if '--freeze' in sys.argv:
        with open(LIST, 'w', encoding='utf8') as f:
            for line in sorted('%s\t%s\n' % (t.group(), t.name)
                               for t in failed):
                f.write(line)
        for group, n in collections.Counter(
                t.group() for t in failed).most_common():
            print('%5d %s' % (n, group))
        return 0
    known = {line.rstrip('\n').split('\t')[1] for line in open(
        LIST, encoding='utf8')}
    new = [t.name for t in failed if t.name not in known]
    for name in new:
        print('new failure: ' + name)
    return 1 if new else 0


if __name__ == '__main__':
    sys.exit(main())
