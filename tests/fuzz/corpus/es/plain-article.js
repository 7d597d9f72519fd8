 import { flows as f, exports } from 'integrator-api'
let response = {};
function _mainFlow (options) {
  let a, b = /[/'x]/g, c;
  for (const k in options) { let d = k }
  try { f.run({_id: 'x'}) } catch (e) { throw e }
  return { statusCode: 200, body: { a: a } }
}
