import fs from 'node:fs'
import { Readable, Writable } from 'node:stream'

/** Returns the nearest class to `base`, below any class that a library has put in its place. */
function nearestTo<Class extends { prototype: object }>(patched: Class, base: { prototype: object }): Class {
  let { prototype } = patched
  for (let next: object = Object.getPrototypeOf(prototype); next !== base.prototype; ) {
    prototype = next
    next = Object.getPrototypeOf(prototype)
  }
  return prototype.constructor as unknown as Class
}

/**
 * Node's own fs.ReadStream and fs.WriteStream, whatever a library has put in their place. The
 * streams of graceful-fs open the path itself and never use the option `fs`, so a writer would
 * publish nothing and a reader would not wait.
 */
export const NativeReadStream: typeof fs.ReadStream = nearestTo(fs.ReadStream, Readable)
export const NativeWriteStream: typeof fs.WriteStream = nearestTo(fs.WriteStream, Writable)
