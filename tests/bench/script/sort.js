// SPDX-License-Identifier: Apache-2.0
// Sorting an array of objects by a key.
var list, i, k, seed = 7, total = 0;
for (k = 0; k < 12; ++k) {
    list = [];
    for (i = 0; i < 3000; ++i) {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        list.push({ id: i, key: seed % 10007 });
    }
    list.sort(function (a, b) { return a.key - b.key; });
    total += list[k * 100].key;
}
print(total);
