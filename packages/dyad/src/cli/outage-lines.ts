import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Diagnostics } from '@dyad/core'
import { tell } from './output.js'

/** Says on stderr that the store went away, and that it is back, until disposed of. */
export function tellOutages(): Disposable {
  subscribe('dyad.kvs.lost', tellLost)
  subscribe('dyad.kvs.back', tellBack)
  return {
    [Symbol.dispose]() {
      unsubscribe('dyad.kvs.lost', tellLost)
      unsubscribe('dyad.kvs.back', tellBack)
    },
  }
}

function tellLost(message: unknown): void {
  const { address, why } = message as Diagnostics['dyad.kvs.lost']
  tell(`waiting for the store ${address} (${why.message}) …`)
}

function tellBack(message: unknown): void {
  const { address, since } = message as Diagnostics['dyad.kvs.back']
  tell(`the store ${address} is back after ${((Date.now() - since) / 1_000).toFixed(1)} s`)
}
