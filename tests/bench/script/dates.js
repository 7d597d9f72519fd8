// SPDX-License-Identifier: Apache-2.0
// Date arithmetic.
var i, d, total = 0, DAY = 86400000;
for (i = 0; i < 120000; ++i) {
    d = new Date(1700000000000 + i * DAY / 7);
    d.setUTCDate(d.getUTCDate() + 30);
    total += d.getUTCMonth() + d.getUTCDay() + d.getTime() % 1000;
    if (i % 16 === 0) {
        total += Date.parse(d.toISOString()) % 997;
    }
}
print(total);
