// Loaded before @dyad-ts/dyad/register: hides the native addon, as where it was not built.
const Module = require('node:module')

const resolve = Module._resolveFilename
Module._resolveFilename = function (name, ...rest) {
  if (name.startsWith('@dyad-ts/native-')) throw new Error(`${name} is hidden`)
  return Reflect.apply(resolve, this, [name, ...rest])
}
