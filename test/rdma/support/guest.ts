import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Diagnostics } from '@dyad-ts/dyad'
import type { TestProcess } from '../../harness/process.js'

/**
 * Options of nodes and sessions on one guest: its only address on a fabric is 10.99.0.1, and the
 * store is asked over loopback.
 */
export const COMMON = { host: '0.0.0.0', advertise: '10.99.0.1', token: 'secret', inlineLimit: 0 } as const

/** Runs a program that sees an empty directory in the place of `path`, as on another host. */
export function elsewhere(path: string): string[] {
  return ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none "$0" && exec "$@"', path]
}

type Started = Diagnostics['dyad.transfer.started']

/** What the transfers of a process went over, and why, oldest first. */
export function starts(process: TestProcess): Started[] {
  return process.notes<Started>('dyad.transfer.started')
}

/** Takes the network interface of the device down, or up again. */
export function setPort(state: 'down' | 'up'): void {
  const name = readFileSync('/sys/class/infiniband/rxe0/ports/1/gid_attrs/ndevs/0', 'utf8').trim()
  execFileSync('ip', ['link', 'set', name, state])
}
