/**
 * Lets the command find the file that TEST_LIBRARY names as the library for LD_PRELOAD, and none
 * where it names none. What needs the real library is in native/test.
 */
import { register } from 'node:module'

const moduleOf = (text) => `data:text/javascript,${encodeURIComponent(text)}`
const double = moduleOf(`
  export const preloadLibrary = () => process.env.TEST_LIBRARY || undefined
  export const addonFile = () => undefined
  export const whyMissing = () => 'the folder is empty: \`npm run build:native\` builds it'`)
register(
  moduleOf(`export const resolve = (name, context, next) =>
    name === '@dyad-ts/native' ? { url: ${JSON.stringify(double)}, shortCircuit: true } : next(name, context)`),
)
