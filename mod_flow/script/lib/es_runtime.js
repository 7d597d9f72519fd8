/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the output of the syntax compiler calls. ES5 for mujs; runs once, after
 * the library and before a script that needs it. jses.c supplies
 * __flow_setproto, __flow_scope, __flow_native, __flow_construct, __flow_symbols,
 * __flow_pget
 * and __flow_pset; the library __flow_async and __flow_await.
 *
 * A Symbol is a string: Symbol.iterator is "@@iterator".
 */
(function (global) {
    'use strict';

    var hasOwn = Object.prototype.hasOwnProperty;
    var isArray = Array.isArray;
    var define = Object.defineProperty;
    var descriptor = Object.getOwnPropertyDescriptor;
    var getProto = Object.getPrototypeOf;
    var keysOf = Object.keys;
    var setProto = __flow_setproto, native_ = __flow_native;
    var construct = __flow_construct;
    var symbols = __flow_symbols; /* that can be enumerated; or undefined */
    var pow = Math.pow;
    var T = {}; /* the value of a variable before its declaration */
    var names = 0;

    function put(name, value) {
        define(global, name, {
            value: value, writable: true, configurable: true, enumerable: false
        });
    }

    function isObject(x) {
        return (typeof x === 'object' && x !== null) || typeof x === 'function';
    }

    function show(x) {
        if (typeof x === 'string') {
            return '"' + (x.length > 20 ? x.slice(0, 20) + '...' : x) + '"';
        }
        return typeof x === 'function' ? 'a function'
            : isObject(x) ? 'an object' : String(x);
    }

    /* ---- variables ---- */

    put('__flow_T', T);
    put('__flow_tdz', function (name) {
        throw new ReferenceError("cannot access '" + name +
            "' before initialization");
    });
    put('__flow_const', function (name) {
        throw new TypeError("assignment to constant variable '" + name + "'");
    });
    put('__flow_key', function (k) {
        return typeof k === 'number' ? k : key(k);
    });
    put('__flow_pow', function (x, y) {
        if (y !== y || ((x === 1 || x === -1) &&
                        (y === Infinity || y === -Infinity))) {
            return NaN;
        }
        return pow(x, y);
    });

    /* A property's name, read once: a Symbol stays one. */
    function key(k) {
        return isObject(k) ? keyOf({}, k) : k;
    }

    function keyOf(o, k) {
        o[k] = 0;
        return keysOf(o)[0] || __flow_symbols(o) && __flow_symbols(o)[0] || '';
    }

    function keyName(k) {
        var text = String(k);
        return typeof k !== 'symbol' ? text
            : text === 'Symbol()' ? '' : '[' + text.slice(7, -1) + ']';
    }

    /* A function's name that only now is known. */
    function named(f, k, before) {
        define(f, 'name', {
            value: before + keyName(k), configurable: true
        });
    }

    /* ---- iteration ---- */

    function codePoints(s) {
        var out = [], i, c, d;
        for (i = 0; i < s.length; ++i) {
            c = s.charCodeAt(i);
            if (c >= 0xD800 && c <= 0xDBFF && i + 1 < s.length) {
                d = s.charCodeAt(i + 1);
                if (d >= 0xDC00 && d <= 0xDFFF) {
                    out.push(s.substring(i, i + 2));
                    ++i;
                    continue;
                }
            }
            out.push(s.charAt(i));
        }
        return out;
    }

    var values = Array.prototype['@@iterator'];

    function isPlainArray(x) {
        return isArray(x) && x['@@iterator'] === values;
    }

    function notIterable(x) {
        throw new TypeError(show(x) + ' is not iterable');
    }

    /* An array, or a record that step() moves. */
    function iter(x) {
        var f, it;
        if (isPlainArray(x)) {
            return x;
        }
        if (typeof x === 'string') {
            return codePoints(x);
        }
        if (x === undefined || x === null) {
            notIterable(x);
        }
        f = x['@@iterator'];
        if (typeof f !== 'function') {
            if (Object.prototype.toString.call(x) === '[object Arguments]') {
                return x;
            }
            notIterable(x);
        }
        it = f.call(x);
        if (!isObject(it)) {
            throw new TypeError('iterator is not an object');
        }
        return { __flow_it: it, next: it.next, value: undefined, done: false };
    }

    function step(record) {
        var r;
        record.done = true;
        r = record.next.call(record.__flow_it);
        if (!isObject(r)) {
            throw new TypeError('iterator result is not an object');
        }
        if (r.done) {
            return false;
        }
        record.value = r.value;
        record.done = false;
        return true;
    }

    /* What is thrown is thrown, whatever closing does. */
    function abort(record) {
        var f;
        if (record.done) {
            return;
        }
        record.done = true;
        try {
            f = record.__flow_it['return'];
            if (f !== undefined && f !== null) {
                f.call(record.__flow_it);
            }
        } catch (e) {}
    }

    function close(record) {
        var f;
        if (record.done) {
            return;
        }
        record.done = true;
        f = record.__flow_it['return'];
        if (f !== undefined && f !== null) {
            f = f.call(record.__flow_it);
            if (!isObject(f)) {
                throw new TypeError('iterator result is not an object');
            }
        }
    }

    /* The first n values of x (-1: all); an array may be x itself. */
    function list(x, n) {
        var record = iter(x), out, i;
        if (!record.__flow_it || isArray(record)) {
            return record;
        }
        out = [];
        for (i = 0; i !== n; ++i) {
            if (!step(record)) {
                return out;
            }
            out[i] = record.value;
        }
        close(record);
        return out;
    }

    put('__flow_iter', iter);
    put('__flow_step', step);
    put('__flow_close', close);
    put('__flow_abort', abort);
    put('__flow_list', list);
    put('__flow_cat', function () {
        var out = [], n = arguments.length, i, k, part;
        for (i = 0; i < n; i += 2) {
            if (arguments[i] === 0) {
                out[out.length] = arguments[i + 1];
            } else if (arguments[i] === 2) {
                out.length = out.length + 1;
            } else {
                part = list(arguments[i + 1], -1);
                for (k = 0; k < part.length; ++k) {
                    out[out.length] = part[k];
                }
            }
        }
        return out;
    });
    put('__flow_slice', function (x, from) {
        return Array.prototype.slice.call(x, from);
    });
    put('__flow_rest', function (x, from) {
        var out = [], i;
        for (i = from; i < x.length; ++i) {
            out[i - from] = x[i];
        }
        return out;
    });
    put('__flow_new', function (f, args) {
        return construct(f, args);
    });

    /* ---- objects ---- */

    put('__flow_object', function (x) {
        if (x === undefined || x === null) {
            throw new TypeError('cannot destructure ' + x);
        }
    });
    put('__flow_omit', function (x, names_) {
        var out = {}, keys = keysOf(Object(x)), more = symbols(x), skip, i, k;
        if (more) {
            keys = keys.concat(more);
        }
        for (i = 0; i < keys.length; ++i) {
            skip = false;
            for (k = 0; k < names_.length; ++k) {
                if (String(names_[k]) === keys[i]) {
                    skip = true;
                }
            }
            if (!skip) {
                putOwn(out, keys[i], x[keys[i]]);
            }
        }
        return out;
    });

    function putOwn(o, k, v) {
        k = key(k);
        if (typeof o === 'function' && hasOwn.call(o, k)) {
            delete o[k]; /* its name */
        }
        define(o, k, {
            value: v, writable: true, configurable: true, enumerable: true
        });
    }

    put('__flow_put', putOwn);
    put('__flow_putf', function (o, k, f) {
        k = key(k);
        if (f.name === '') {
            named(f, k, '');
        }
        putOwn(o, k, f);
    });
    put('__flow_assign', function (o, from) {
        var keys, i;
        if (from === undefined || from === null) {
            return;
        }
        if (typeof from === 'string') {
            for (i = 0; i < from.length; ++i) {
                putOwn(o, i, from.charAt(i));
            }
            return;
        }
        keys = keysOf(Object(from));
        for (i = 0; i < keys.length; ++i) {
            putOwn(o, keys[i], from[keys[i]]);
        }
        keys = symbols(from);
        for (i = 0; keys && i < keys.length; ++i) {
            putOwn(o, keys[i], from[keys[i]]);
        }
    });
    put('__flow_literal_proto', function (o, p) {
        if (p === null || isObject(p)) {
            setProto(o, p);
        }
    });

    function accessor(half) {
        return function (o, k, f, enumerable) {
            var d = { configurable: true, enumerable: enumerable };
            var old = descriptor(o, k = key(k));
            named(f, k, half + ' ');
            if (old && (old.get || old.set)) {
                d.get = old.get;
                d.set = old.set;
            }
            d[half] = f;
            if (old && !old.get && !old.set) {
                delete o[k];
            }
            define(o, k, d);
        };
    }

    put('__flow_get', accessor('get'));
    put('__flow_set', accessor('set'));
    put('__flow_template', function (cooked, raw) {
        define(cooked, 'raw', { value: Object.freeze(raw) });
        return Object.freeze(cooked);
    });

    /* ---- classes ---- */

    put('__flow_class', function (f, parent, name, derived) {
        var proto;
        if (derived) {
            if (parent !== null && (typeof parent !== 'function')) {
                throw new TypeError('class extends ' + show(parent) +
                    ', which is not a constructor');
            }
            proto = parent === null ? null : parent.prototype;
            if (proto !== null && !isObject(proto)) {
                throw new TypeError('class extends a function whose ' +
                    'prototype is not an object');
            }
            setProto(f.prototype, proto);
            if (parent !== null) {
                setProto(f, parent);
            }
        }
        define(f, 'prototype', { writable: false });
        define(f, 'name', { value: name, configurable: true });
    });
    put('__flow_method', function (o, k, f) {
        k = key(k);
        if (f.name === '') {
            named(f, k, '');
        }
        if (hasOwn.call(o, k)) {
            delete o[k];
        }
        define(o, k, {
            value: f, writable: true, configurable: true, enumerable: false
        });
    });
    put('__flow_call', function (f) {
        throw new TypeError("class constructor '" + f.name +
            "' cannot be called without 'new'");
    });
    put('__flow_super', function (f, self, args, before) {
        var parent = getProto(f), r;
        if (typeof parent !== 'function' || parent === Function.prototype) {
            throw new TypeError('super is not a constructor');
        }
        if (native_(parent)) {
            r = construct(parent, args);
            setProto(r, getProto(self));
        } else {
            r = parent.apply(self, args);
            r = isObject(r) ? r : self;
        }
        if (before !== undefined) {
            throw new ReferenceError('super() may be called once only');
        }
        return r;
    });
    put('__flow_self', function (self) {
        if (self === undefined) {
            throw new ReferenceError("super() must be called before 'this' " +
                'is used and before the constructor returns');
        }
        return self;
    });
    put('__flow_returned', function (returned, self) {
        var value = returned && returned[0];
        if (isObject(value)) {
            return value;
        }
        if (value !== undefined) {
            throw new TypeError('a constructor of a derived class may return ' +
                'an object only');
        }
        return __flow_self(self);
    });
    put('__flow_newtarget', function (self, f) {
        return isObject(self) && self instanceof f
            ? getProto(self).constructor : undefined;
    });
    put('__flow_proto', function (o) { return getProto(o); });

    function find(o, k) {
        var d;
        for (; o !== null && o !== undefined; o = getProto(o)) {
            d = descriptor(o, k);
            if (d) {
                return d;
            }
        }
        return undefined;
    }

    function baseless(k) {
        throw new TypeError("super has no object that could have '" +
            keyName(k) + "'");
    }
    put('__flow_sget', function (self, base, k) {
        var d;
        if (base === null || base === undefined) {
            baseless(k);
        }
        d = find(base, k = key(k));
        return !d ? undefined : d.get ? d.get.call(self)
            : d.set ? undefined : d.value;
    });
    put('__flow_sset', function (self, base, k, value) {
        var d;
        if (base === null || base === undefined) {
            baseless(k);
        }
        d = find(base, k = key(k));
        if (d && d.set) {
            d.set.call(self, value);
        } else if (d && (d.get || !d.writable)) {
            throw new TypeError("'" + String(k) + "' is read-only");
        } else {
            self[k] = value;
        }
        return value;
    });
    put('__flow_field', function (o, k, v) {
        putOwn(o, k, v);
    });

    /* ---- private names ---- */

    /* A field's name is a text, a method's an object with what it does and
     * `brand`, the name of what an object must have. */
    put('__flow_pname', function (name, brand) {
        return brand ? { name: '#' + name, brand: brand }
            : '#' + name + '@' + (++names);
    });
    put('__flow_named', function (f, name) {
        define(f, 'name', { value: name, configurable: true });
        return f;
    });
    put('__flow_pinit', function (o, k, v) {
        if (hasOwn.call(o, k)) {
            throw new TypeError('private field is initialized twice');
        }
        define(o, k, { value: v, writable: true });
    });
    put('__flow_pbrand', function (o, brand) {
        if (hasOwn.call(o, brand)) {
            throw new TypeError('private methods are added twice');
        }
        define(o, brand, { value: true });
    });
    put('__flow_pmethod', function (k, half, f) {
        k[half] = f;
        define(f, 'name', {
            value: (half === 'value' ? '' : half + ' ') + k.name,
            configurable: true
        });
    });
    put('__flow_phas', function (k, o) {
        if (!isObject(o)) {
            throw new TypeError("right side of 'in' is not an object");
        }
        return hasOwn.call(o, typeof k === 'string' ? k : k.brand);
    });

    /* ---- modules ---- */

    put('__flow_export', function (exports, name, read) {
        define(exports, name, { get: read, enumerable: true });
    });
    put('__flow_export_all', function (exports, from) {
        keysOf(from).forEach(function (name) {
            if (name !== 'default' && !hasOwn.call(exports, name)) {
                define(exports, name, {
                    get: function () { return from[name]; }, enumerable: true
                });
            }
        });
    });
})(this);
