Mimport d, { a as b } from 'm'; import * as n from './x.js'; export { b as c }; export default class { #x = 1; }
