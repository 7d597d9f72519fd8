// SPDX-License-Identifier: Apache-2.0
// The same work in node: plain JavaScript and compiled handlebars.js templates.
//   node peer.js json MAPPING < records     node peer.js template FILE DATA N
'use strict';
const fs = require('fs');
const readline = require('readline');
const Handlebars = require('handlebars');

// A mapping as the functions that somebody would write by hand for it.
function getter(f) {
  if (f.mappings) return maker(f.mappings);
  if ('hardCodedValue' in f) return () => f.hardCodedValue;
  if (f.extract.includes('{{')) {
    const template = Handlebars.compile(f.extract, { noEscape: true });
    return (record) => template({ record });
  }
  const from = f.extract.split('.').slice(1);
  return (record) => from.reduce((v, name) => (v == null ? undefined : v[name]), record);
}

const converters = {
  string: (v) => (typeof v === 'string' ? v : String(v)),
  number: (v) => (typeof v === 'number' ? v : Number(v)),
  boolean: (v) => (typeof v === 'boolean' ? v : Boolean(v)),
};

function maker(fields) {
  const all = fields.map((f) => ({
    name: f.generate,
    get: getter(f),
    convert: converters[f.dataType] || ((v) => v),
  }));
  return (record) => {
    const out = {};
    for (const { name, get, convert } of all) {
      const v = get(record);
      if (v == null || v === '') continue;
      out[name] = convert(v);
    }
    return out;
  };
}

function json(mappingFile) {
  const map = maker(JSON.parse(fs.readFileSync(mappingFile, 'utf8')).mappings);
  let out = [];
  let size = 0;
  const flush = () => { fs.writeSync(1, out.join('')); out = []; size = 0; };
  const lines = readline.createInterface({ input: fs.createReadStream(null, { fd: 0, highWaterMark: 1 << 20 }), crlfDelay: Infinity });
  lines.on('line', (line) => {
    const record = JSON.parse(line);
    if (record.state !== 'open' || !(Number(record.total) > 5)) return;
    const text = JSON.stringify(map(record)) + '\n';
    out.push(text);
    size += text.length;
    if (size > 1 << 20) flush();
  });
  lines.on('close', flush);
}

function template(file, dataFile, n) {
  const render = Handlebars.compile(fs.readFileSync(file, 'utf8'));
  const data = JSON.parse(fs.readFileSync(dataFile, 'utf8'));
  let text = '';
  for (let i = 0; i < n; i += 1) text = render(data);
  fs.writeSync(1, text);
}

const [what, a, b, c] = process.argv.slice(2);
if (what === 'json') json(a);
else template(a, b, Number(c));
