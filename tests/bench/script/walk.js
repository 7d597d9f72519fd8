// SPDX-License-Identifier: Apache-2.0
// Walking a tree of objects and arrays, and summing what it holds.
function make(depth) {
    var o = { name: 'n' + depth, value: depth, list: [] }, i;
    for (i = 0; depth > 0 && i < 4; ++i) {
        o.list.push(make(depth - 1));
    }
    return o;
}
function sum(o) {
    var n = 0, k;
    for (k in o) {
        if (typeof o[k] === 'object') {
            n += sum(o[k]);
        } else if (typeof o[k] === 'number') {
            n += o[k];
        } else {
            n += o[k].length;
        }
    }
    return n;
}
var tree = make(5), i, total = 0;
for (i = 0; i < 60; ++i) {
    total += sum(tree);
}
print(total);
