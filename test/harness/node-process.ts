/** A node of a test: `start` of the dyad package in a process of its own. */
import { channel } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { type RunningNode, type StartOptions, start } from '@dyad-ts/dyad'
import { answer, note } from './answer.js'

let node: RunningNode

const TOLD = ['dyad.kvs.lost', 'dyad.kvs.back', 'dyad.kvs.waiting', 'dyad.producer.published']
for (const name of TOLD) channel(name).subscribe((message) => note(name, message))

answer({
  async start(options: StartOptions) {
    node = await start(options)
    node.lost.addEventListener('abort', () => note('lost', String(node.lost.reason)))
    return node.status
  },
  status: () => node.status,
  stop: () => node.close(),
  peakMiB: () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024,
})
