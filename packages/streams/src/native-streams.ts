import fs from 'node:fs'
import { Readable, Writable } from 'node:stream'

/** The class below which a library may have put a class of its own: the nearest to `base`. */
function nearestTo<Class extends { prototype: object }>(patched: Class, base: { prototype: object }): Class {
  let { prototype } = patched
  for (let next: object = Object.getPrototypeOf(prototype); next !== base.prototype; ) {
    prototype = next
    next = Object.getPrototypeOf(prototype)
  }
  return prototype.constructor as unknown as Class
}

/**
 * Node's own fs.ReadStream and fs.WriteStream, whatever a library has put in their place: those of
 * graceful-fs open the path itself and never ask the option `fs`, so that a writer would publish
 * nothing and a reader would wait for nothing.
 */
export const NativeReadStream: typeof fs.ReadStream = nearestTo(fs.ReadStream, Readable)
export const NativeWriteStream: typeof fs.WriteStream = nearestTo(fs.WriteStream, Writable)
