// Loaded into a consumer before its own code. Sends the demo what DYAD's diagnostics channels
// publish.
import { subscribe } from 'node:diagnostics_channel'
import type { Diagnostics } from '@dyad-ts/dyad'

/** A file that is at its path. */
export interface Arrival {
  readonly path: string
  /** Bytes of the file. */
  readonly size: number
  /** How the bytes came, for a person. */
  readonly way: string
  /** Milliseconds that the open waited for the file to be published. */
  readonly waited: number
  /** Milliseconds that the transfer took; 0 if there was none. */
  readonly moved: number
}

export type Report = { readonly waiting: string } | Arrival

const waits = new Map<string, number>()
const transports = new Map<string, string>()

function on<Name extends keyof Diagnostics>(name: Name, listener: (message: Diagnostics[Name]) => void): void {
  subscribe(name, (message) => listener(message as Diagnostics[Name]))
}

function report(message: Report): void {
  process.send?.(message)
}

/** Milliseconds since the open of a file began to wait; 0 if it did not. */
function sinceWaiting(path: string): number {
  const since = waits.get(path)
  return since === undefined ? 0 : performance.now() - since
}

on('dyad.kvs.waiting', ({ path }) => {
  waits.set(path, performance.now())
  report({ waiting: path })
})
on('dyad.transfer.started', ({ record, transport }) => transports.set(record.path, transport))
on('dyad.consumer.stored', ({ record: { path, size }, duration }) => {
  const transport = transports.get(path)
  report({
    path,
    size,
    way: transport === undefined ? 'in its record' : `over ${transport}`,
    waited: Math.max(0, sinceWaiting(path) - duration),
    moved: transport === undefined ? 0 : duration,
  })
})
on('dyad.consumer.present', ({ record: { path, size }, how }) =>
  report({ path, size, way: `${how}, not moved`, waited: sinceWaiting(path), moved: 0 }),
)
