import { type ChildProcess, spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeDirectory, prepareStateDirectory } from '@dyad-ts/core/internal'
import { controlPath } from '@dyad-ts/service'
import { type Failure, ForeignFailure } from './failure.js'
import { say } from './output.js'

/**
 * The flag with which the command starts itself in the background. It then reports to its parent
 * when it is ready.
 */
export const REPORT_FLAG = '--report-ready'

type Report<Status> = { readonly told: string } | { readonly ready: Status } | { readonly failed: Failure }

/**
 * Starts this command again in the background. Resolves with its report when it is ready, and
 * rejects with its failure. An abort ends it. Its later output goes to a log beside the control
 * socket of that name.
 */
export async function detach<Status>(stateDir: string, name: string, signal: AbortSignal): Promise<Status> {
  const log = controlPath(stateDir, name).replace(/\.sock$/, '.log')
  prepareStateDirectory(stateDir)
  makeDirectory(dirname(log), 0o700)
  await using output = await open(log, 'a', 0o600)
  const child = spawn(process.execPath, [...process.execArgv, ...backgroundArguments()], {
    detached: true,
    stdio: ['ignore', output.fd, output.fd, 'ipc'],
  })
  const status = await ready<Status>(child, log, signal)
  child.unref()
  return status
}

/**
 * Reports to the command that started this one in the background. The first report other than
 * `told` ends the wait there.
 */
export function reportBack<Status>(report: Report<Status>): void {
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

function ready<Status>(child: ChildProcess, log: string, signal: AbortSignal): Promise<Status> {
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
    child.on('message', (report: Report<Status>) => {
      if ('told' in report) return say(report.told)
      settle(() => ('ready' in report ? resolve(report.ready) : reject(new ForeignFailure(report.failed))))
    })
    child.on('exit', (code, name) =>
      settle(() => reject(signal.reason ?? new Error(`it ended with ${name ?? code}; ${log} may say why`))),
    )
  })
}
