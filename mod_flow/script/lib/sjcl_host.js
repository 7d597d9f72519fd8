/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Stands behind sjcl's own text, in the same function. A world of scripts is
 * restored for every call, and with it the state of any generator that lives in
 * it; so random words come from the system each time. And sjcl uses two
 * functions that every browser has and the engine has not.
 */
;(function (sjcl) {
    sjcl.random.randomWords = function (n) { return __flow_random(n) }
    sjcl.random.isReady = function () { return 2 }
    sjcl.random.getProgress = function () { return 1 }
    if (!String.prototype.substr) {
        Object.defineProperty(String.prototype, 'substr', {
            configurable: true, enumerable: false, writable: true,
            value: function (from, count) {
                var text = String(this)
                from = from < 0 ? Math.max(text.length + from, 0) : from || 0
                return text.slice(from, count === undefined ? undefined
                    : from + Math.max(count, 0))
            }
        })
    }
})(module.exports)

function escape(text) {
    return String(text).replace(/[^A-Za-z0-9@*_+\-.\/]/g, function (c) {
        var hex = c.charCodeAt(0).toString(16).toUpperCase()
        return hex.length > 2 ? '%u' + ('0000' + hex).slice(-4)
            : '%' + ('00' + hex).slice(-2)
    })
}

function unescape(text) {
    return String(text).replace(/%u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}/g,
        function (part) {
            return String.fromCharCode(
                parseInt(part.slice(part.charAt(1) === 'u' ? 2 : 1), 16))
        })
}
