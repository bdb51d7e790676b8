import fs from 'node:fs'

/** Ends the waits of streams that are opening, by stream. */
const opening = new WeakMap<object, AbortController>()
/** The stream that is calling open() now. */
let opener: object | undefined

/** Returns the signal that ends the wait of the open that a stream is making, if one is. */
export function openerSignals(): AbortSignal[] {
  if (opener === undefined) return []
  const end = new AbortController()
  opening.set(opener, end)
  return [end.signal]
}

/**
 * Ends the wait of a stream that is destroyed before its file arrived: Node waits for the open
 * before it closes.
 */
export function endWaitsOfDestroyedStreams(): void {
  for (const prototype of [fs.ReadStream.prototype, fs.WriteStream.prototype]) {
    const construct: unknown = Reflect.get(prototype, '_construct')
    const destroy: unknown = Reflect.get(prototype, 'destroy')
    if (typeof construct !== 'function' || typeof destroy !== 'function') continue
    define(prototype, '_construct', construct, function (this: object, ...args: unknown[]): unknown {
      opener = this
      try {
        return Reflect.apply(construct, this, args)
      } finally {
        opener = undefined
      }
    })
    define(prototype, 'destroy', destroy, function (this: object, ...args: unknown[]): unknown {
      opening.get(this)?.abort()
      return Reflect.apply(destroy, this, args)
    })
  }
}

/** Defines a method in place of another, with the same name and length. */
export function define(owner: object, name: string, original: object, method: object): void {
  const { prototype: _, ...described } = Object.getOwnPropertyDescriptors(original)
  Object.defineProperties(method, described)
  const { enumerable = false } = Object.getOwnPropertyDescriptor(owner, name) ?? {}
  Object.defineProperty(owner, name, { value: method, writable: true, configurable: true, enumerable })
}
