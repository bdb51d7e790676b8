import { type ChildProcess, spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type ConfigOptions, makeDirectory, prepareStateDirectory, readConfig } from '@dyad/core'
import { controlPath } from '@dyad/service'
import type { NodeStatus } from '../start.js'
import { type Failure, ForeignFailure } from './failure.js'
import { say } from './output.js'

/** The flag with which the command starts itself in the background: it tells who started it when it is ready. */
export const REPORT_FLAG = '--report-ready'

type Report = { readonly told: string } | { readonly ready: NodeStatus } | { readonly failed: Failure }

/** Starts this very command again in the background; resolves when its node is ready, and rejects with what it failed with. An abort ends it. */
export async function detach(options: ConfigOptions, signal: AbortSignal): Promise<NodeStatus> {
  const { stateDir, node } = readConfig(options)
  const log = controlPath(stateDir, node).replace(/\.sock$/, '.log')
  await prepareStateDirectory(stateDir)
  makeDirectory(dirname(log), 0o700)
  await using output = await open(log, 'a', 0o600)
  const child = spawn(process.execPath, [...process.execArgv, ...backgroundArguments()], {
    detached: true,
    stdio: ['ignore', output.fd, output.fd, 'ipc'],
  })
  const status = await ready(child, log, signal)
  child.unref()
  return status
}

/** Tells whoever started this command in the background how it goes; the first word but what is `told` counts. */
export function reportBack(report: Report): void {
  if (!process.connected) return
  process.send?.(report, () => !('told' in report) && process.connected && process.disconnect())
}

function backgroundArguments(): string[] {
  const [script = '', ...words] = process.argv.slice(1)
  const end = words.includes('--') ? words.indexOf('--') : words.length
  const flags = words.slice(0, end).filter((word) => word !== '-d' && word !== '--detach')
  const [name = '', ...rest] = flags
  return [script, name, REPORT_FLAG, ...rest, ...words.slice(end)]
}

function ready(child: ChildProcess, log: string, signal: AbortSignal): Promise<NodeStatus> {
  return new Promise((resolve, reject) => {
    const abort = () => child.kill('SIGTERM')
    signal.addEventListener('abort', abort, { once: true })
    const settle = (settled: () => void) => {
      signal.removeEventListener('abort', abort)
      child.removeAllListeners()
      settled()
    }
    if (signal.aborted) abort()
    child.on('error', (error) => settle(() => reject(error)))
    child.on('message', (report: Report) => {
      if ('told' in report) return say(report.told)
      settle(() => ('ready' in report ? resolve(report.ready) : reject(new ForeignFailure(report.failed))))
    })
    child.on('exit', (code, name) =>
      settle(() => reject(signal.reason ?? new Error(`the service ended with ${name ?? code}; ${log} may say why`))),
    )
  })
}
