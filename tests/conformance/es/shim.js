/* SPDX-License-Identifier: Apache-2.0 */
/* The few things of the library that tests of the language use. */
(function (global) {
    function put(o, k, v) {
        if (!o[k] || o === global) {
            Object.defineProperty(o, k, {
                value: v, writable: true, configurable: true, enumerable: false
            });
        }
    }
    var n = 0;
    function Symbol(d) { return '@@' + (d || '') + '#' + (++n); }
    ['iterator', 'asyncIterator', 'hasInstance', 'toPrimitive', 'toStringTag',
        'species', 'unscopables', 'isConcatSpreadable', 'match', 'replace',
        'search', 'split'].forEach(function (k) { Symbol[k] = '@@' + k; });
    put(global, 'Symbol', Symbol);
    put(global, 'globalThis', global);
    put(Object, 'is', function (a, b) {
        return a === b ? a !== 0 || 1 / a === 1 / b : a !== a && b !== b;
    });
    put(Object, 'assign', function (t) {
        for (var i = 1; i < arguments.length; ++i) {
            if (arguments[i] !== null && arguments[i] !== undefined) {
                Object.keys(Object(arguments[i])).forEach(function (k) {
                    t[k] = this[k];
                }, arguments[i]);
            }
        }
        return t;
    });
    put(Object, 'entries', function (o) {
        return Object.keys(o).map(function (k) { return [k, o[k]]; });
    });
    put(Object, 'values', function (o) {
        return Object.keys(o).map(function (k) { return o[k]; });
    });
    put(Object, 'fromEntries', function (x) {
        var o = {};
        __flow_list(x, -1).forEach(function (e) { o[e[0]] = e[1]; });
        return o;
    });
    put(Object, 'setPrototypeOf', function (o, p) {
        return o === null || typeof o !== 'object' && typeof o !== 'function'
            ? o : __flow_setproto(o, p);
    });
    put(Object, 'getOwnPropertySymbols', function () { return []; });
    put(Array, 'from', function (x, f) {
        var a = __flow_list(x['@@iterator'] ? x : Array.prototype.slice.call(x),
            -1).slice();
        return f ? a.map(f) : a;
    });
    put(Array.prototype, 'includes', function (x) {
        return this.indexOf(x) >= 0;
    });
    put(Array.prototype, 'find', function (f) { return this.filter(f)[0]; });
    put(Array.prototype, 'entries', function () {
        return new __flow_array_iterator(this, 2);
    });
    put(Array.prototype, 'keys', function () {
        return new __flow_array_iterator(this, 1);
    });
    put(Array.prototype, 'values', Array.prototype['@@iterator']);
    put(Array.prototype, 'fill', function (v) {
        for (var i = 0; i < this.length; ++i) { this[i] = v; }
        return this;
    });
    put(Array.prototype, 'flat', function () {
        return Array.prototype.concat.apply([], this);
    });
    put(String.prototype, 'repeat', function (k) {
        return new Array(k + 1).join(this);
    });
    put(String.prototype, 'startsWith', function (s) {
        return this.slice(0, s.length) === s;
    });
    put(String.prototype, 'endsWith', function (s) {
        return this.slice(-s.length) === s;
    });
    put(String.prototype, 'includes', function (s) {
        return this.indexOf(s) >= 0;
    });
    put(String.prototype, 'padStart', function (k, c) {
        var s = String(this);
        while (s.length < k) { s = (c || ' ') + s; }
        return s;
    });
    put(String, 'raw', function (s) {
        var out = s.raw[0];
        for (var i = 1; i < s.raw.length; ++i) {
            out += arguments[i] + s.raw[i];
        }
        return out;
    });
    put(Number, 'isInteger', function (x) {
        return typeof x === 'number' && isFinite(x) && Math.floor(x) === x;
    });
    put(Number, 'isNaN', function (x) { return x !== x; });
    put(Math, 'trunc', function (x) {
        return x < 0 ? Math.ceil(x) : Math.floor(x);
    });
    put(Math, 'sign', function (x) { return x > 0 ? 1 : x < 0 ? -1 : x; });
    put(global, 'Reflect', {
        construct: function (f, a) { return __flow_construct(f, a); },
        apply: function (f, t, a) { return f.apply(t, a); },
        ownKeys: Object.getOwnPropertyNames,
        getPrototypeOf: Object.getPrototypeOf,
        has: function (o, k) { return k in o; },
        get: function (o, k) { return o[k]; }
    });
    function MapIterator(map, kind) {
        this.m = map;
        this.i = 0;
        this.kind = kind;
    }
    MapIterator.prototype.next = function () {
        var i = this.i++;
        return i >= this.m.k.length ? { value: undefined, done: true } : {
            done: false,
            value: this.kind === 0 ? this.m.k[i] : this.kind === 1
                ? this.m.v[i] : [this.m.k[i], this.m.v[i]]
        };
    };
    MapIterator.prototype['@@iterator'] = function () { return this; };
    function collection(name, set) {
        var C = set ? function Set(x) { init(this, x); }
            : function Map(x) { init(this, x); };
        function init(self, x) {
            if (!(self instanceof C)) {
                throw new TypeError(name + " needs 'new'");
            }
            Object.defineProperty(self, 'k', { value: [], writable: true });
            Object.defineProperty(self, 'v', { value: [], writable: true });
            if (x !== undefined && x !== null) {
                __flow_list(x, -1).forEach(function (e) {
                    if (set) { self.add(e); } else { self.set(e[0], e[1]); }
                });
            }
        }
        C.prototype.set = function (k, v) {
            var i = this.k.indexOf(k);
            if (i < 0) { i = this.k.length; }
            this.k[i] = k;
            this.v[i] = v;
            return this;
        };
        C.prototype.add = function (k) { return this.set(k, k); };
        C.prototype.get = function (k) { return this.v[this.k.indexOf(k)]; };
        C.prototype.has = function (k) { return this.k.indexOf(k) >= 0; };
        C.prototype['delete'] = function (k) {
            var i = this.k.indexOf(k);
            if (i >= 0) { this.k.splice(i, 1); this.v.splice(i, 1); }
            return i >= 0;
        };
        C.prototype.forEach = function (f) {
            for (var i = 0; i < this.k.length; ++i) {
                f(this.v[i], this.k[i], this);
            }
        };
        Object.defineProperty(C.prototype, 'size', {
            get: function () { return this.k.length; }
        });
        C.prototype.keys = function () { return new MapIterator(this, 0); };
        C.prototype.values = function () { return new MapIterator(this, 1); };
        C.prototype.entries = function () { return new MapIterator(this, 2); };
        C.prototype['@@iterator'] = set ? C.prototype.values
            : C.prototype.entries;
        put(global, name, C);
    }
    collection('Map', false);
    collection('Set', true);
    collection('WeakMap', false);
    collection('WeakSet', true);
})(this);
