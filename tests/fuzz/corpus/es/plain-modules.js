 import api, { state } from "integrator-api"
import * as all from 'integrator-api';
export default function f() {}
export const x = 1, y = 2
export { f, x };
