import { EventEmitter, once } from 'node:events'
import type { Socket } from 'node:net'
import { proxyBefore } from './proxy.js'
import type { Teardown } from './teardown.js'

/**
 * How bytes of a server pass a proxy: freely, none after so many, or so many freely and then one by
 * one.
 */
export type Hampering = 'free' | { readonly stopAfter: number } | { readonly dripAfter: number }

/** Milliseconds from one byte that drips to the next. */
const DRIP_MS = 10

/**
 * Listens at the same port of PROXY_HOST as a server at 127.0.0.1, and hampers what the server
 * sends.
 */
export class HamperedProxy {
  readonly #events: EventEmitter
  readonly #passing: { hampering: Hampering }

  private constructor(events: EventEmitter, passing: { hampering: Hampering }) {
    this.#events = events
    this.#passing = passing
  }

  static async before(t: Teardown, port: number): Promise<HamperedProxy> {
    const events = new EventEmitter()
    const passing: { hampering: Hampering } = { hampering: 'free' }
    await proxyBefore(t, port, (client, target) => {
      client.on('data', (bytes) => target.write(bytes))
      hamper(target, client, passing, events)
    })
    return new HamperedProxy(events, passing)
  }

  set hampering(hampering: Hampering) {
    this.#passing.hampering = hampering
    this.#events.emit('changed')
  }

  /** Resolves when so many bytes have dripped from now on. */
  async dripped(count: number): Promise<void> {
    for (let left = count; left > 0; left--) await once(this.#events, 'dripped')
  }
}

/** Hands on what `from` sends; what is held back follows once the proxy lets bytes pass freely. */
function hamper(from: Socket, to: Socket, passing: { hampering: Hampering }, events: EventEmitter): void {
  const held: Buffer[] = []
  let passed = 0
  const allowed = () => {
    const { hampering } = passing
    if (hampering === 'free') return Number.POSITIVE_INFINITY
    return Math.max(0, ('stopAfter' in hampering ? hampering.stopAfter : hampering.dripAfter) - passed)
  }
  const pass = (atMost: number) => {
    for (let left = atMost; left > 0; ) {
      const bytes = held.shift()
      if (bytes === undefined) break
      if (bytes.length > left) held.unshift(bytes.subarray(left))
      to.write(bytes.subarray(0, left))
      passed += Math.min(left, bytes.length)
      left -= bytes.length
    }
    if (held.length > 0) from.pause()
    else from.resume()
  }
  const passAllowed = () => pass(allowed())
  const drip = setInterval(() => {
    if (held.length === 0 || passing.hampering === 'free' || 'stopAfter' in passing.hampering) return
    pass(1)
    events.emit('dripped')
  }, DRIP_MS)
  events.on('changed', passAllowed)
  from.on('data', (bytes: Buffer) => {
    held.push(bytes)
    passAllowed()
  })
  to.on('close', () => {
    clearInterval(drip)
    events.off('changed', passAllowed)
  })
}
