// Stands in for tsx in the guest, where every TypeScript file of the tests has its JavaScript
// beside it: who names the former, as the path of a process does, gets the latter. Imports name the
// latter anyway.
import { register } from 'node:module'

register('./compiled-tests-hooks.mjs', import.meta.url)
// Errors tell the lines of the TypeScript, as with tsx.
process.setSourceMapsEnabled(true)
