import { DyadError } from '@dyad-ts/core'
import { broken } from '@dyad-ts/core/internal'
import { type Handshake, makeNonce, proofOf, proves } from '@dyad-ts/wire'
import { GREETING_BYTES, helloOf, type Reply, readGreeting } from './frames.js'

/** Errors by which an owner may refuse this side before it has proved itself. */
const REFUSALS: ReadonlySet<string> = new Set(['ERR_DYAD_DENIED', 'ERR_DYAD_PROTOCOL', 'ERR_DYAD_TRANSFER'])

const NOTHING = Buffer.alloc(0)

/** The client's part of the handshake with one owner. */
export class Introduction {
  readonly #url: URL
  readonly #token: string | undefined
  #handshake: Handshake | undefined
  #isProved = false

  constructor(url: URL, token: string | undefined) {
    this.#url = url
    this.#token = token
  }

  get isGreeted(): boolean {
    return this.#handshake !== undefined
  }

  /**
   * Whether the owner has proved that it knows the token. Before that, its bytes count for nothing.
   */
  get isProved(): boolean {
    return this.#isProved
  }

  /**
   * Takes the owner's greeting, with which `bytes` begin. Returns where it ends, or undefined if
   * its end has not come yet. ERR_DYAD_PROTOCOL.
   */
  greeted(bytes: Buffer): number | undefined {
    if (this.#handshake !== undefined) return 0
    const serverNonce = readGreeting(bytes)
    if (serverNonce === undefined) return undefined
    this.#handshake = { token: this.#token, audience: this.#url.href, clientNonce: makeNonce(), serverNonce }
    return GREETING_BYTES
  }

  /** Returns the hello, which goes before the first request, or undefined before the greeting. */
  hello(): Buffer | undefined {
    return this.#handshake && helloOf(this.#handshake.clientNonce, proofOf('client', this.#handshake))
  }

  /**
   * Takes a reply of the handshake. Returns false for any other reply. ERR_DYAD_DENIED for anything
   * else in the place of a proof.
   */
  takes(reply: Reply): boolean {
    if (this.#isProved) {
      if (reply.kind === 'welcome') throw broken('welcomed twice')
      return false
    }
    if (reply.kind === 'error' && REFUSALS.has(reply.code)) return false
    const proof = reply.kind === 'welcome' ? reply.proof : NOTHING
    if (this.#handshake === undefined || !proves(proof, 'server', this.#handshake)) {
      const detail = `what answers at ${this.#url.host} does not prove that it knows the token`
      throw new DyadError('ERR_DYAD_DENIED', { detail })
    }
    this.#isProved = true
    return true
  }
}
