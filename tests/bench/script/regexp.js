// SPDX-License-Identifier: Apache-2.0
// Replacing with regular expressions.
var text = '', i, total = 0;
for (i = 0; i < 200; ++i) {
    text += 'Order ' + i + ' of 2026-11-' + (10 + i % 20) + ', total ' +
        i * 7 + '.50 EUR;\n';
}
for (i = 0; i < 60; ++i) {
    total += text.replace(/(\d+)-(\d+)-(\d+)/g, '$3.$2.$1').length;
    total += text.replace(/[A-Z]+/g, function (m) { return m + '!'; }).length;
    total += text.split(/;\n/).length;
}
print(total);
