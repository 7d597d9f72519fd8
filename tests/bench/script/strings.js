// SPDX-License-Identifier: Apache-2.0
// String building: rows of CSV, some of them quoted.
var out = '', i, k, total = 0;
for (k = 0; k < 60; ++k) {
    out = '';
    for (i = 0; i < 2000; ++i) {
        out += i + ',' + 'name ' + (i % 17) + ',' + (i * 3 % 101) + '\n';
    }
    total += out.length + out.charCodeAt(k * 10);
}
print(total);
