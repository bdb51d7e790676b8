// Loaded into a consumer before its own code: tells the demo what DYAD's diagnostics channels tell.
import { subscribe } from 'node:diagnostics_channel'
import type { Diagnostics } from '@dyad-ts/dyad'

/** What the demo is told of one file. */
export type Report =
  | { readonly waiting: string }
  | { readonly path: string; readonly how: string; readonly waited: number }

const waits = new Map<string, number>()
const ways = new Map<string, string>()

function tell(report: Report): void {
  process.send?.(report)
}

function on<Name extends keyof Diagnostics>(name: Name, listener: (message: Diagnostics[Name]) => void): void {
  subscribe(name, (message) => listener(message as Diagnostics[Name]))
}

/** How long the open of a file has waited for it to be published, in ms. */
function waited(path: string): number {
  const since = waits.get(path)
  return since === undefined ? 0 : performance.now() - since
}

on('dyad.kvs.waiting', ({ path }) => {
  waits.set(path, performance.now())
  tell({ waiting: path })
})
on('dyad.transfer.started', ({ record, transport }) => ways.set(record.path, transport))
on('dyad.consumer.stored', ({ record, moved, duration }) =>
  tell({
    path: record.path,
    how: moved === 0 && record.size > 0 ? 'came in its record' : `moved ${moved} bytes over ${ways.get(record.path)}`,
    waited: Math.max(0, waited(record.path) - duration),
  }),
)
on('dyad.consumer.present', ({ record, how }) =>
  tell({ path: record.path, how: `moved nothing, it is ${how}`, waited: waited(record.path) }),
)
