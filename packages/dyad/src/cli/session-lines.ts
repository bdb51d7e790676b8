import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Diagnostics } from '@dyad-ts/core'
import { say, tell } from './output.js'

const LINES = {
  'dyad.kvs.lost': ({ address, why }: Diagnostics['dyad.kvs.lost']) =>
    tell(`waiting for the store ${address} (${why.message}) …`, 'warn'),
  'dyad.kvs.back': ({ address, since }: Diagnostics['dyad.kvs.back']) =>
    tell(`the store ${address} is back after ${((Date.now() - since) / 1_000).toFixed(1)} s`),
  'dyad.producer.unfetchable': ({ reason }: Diagnostics['dyad.producer.unfetchable']) =>
    say(`warning: ${reason}`, 'warn'),
}

/**
 * Writes to stderr why a command waits, and why others cannot fetch its files, until disposed of.
 */
export function tellOfSessions(): Disposable {
  for (const [name, line] of Object.entries(LINES)) subscribe(name, line as (message: unknown) => void)
  return {
    [Symbol.dispose]() {
      for (const [name, line] of Object.entries(LINES)) unsubscribe(name, line as (message: unknown) => void)
    },
  }
}
