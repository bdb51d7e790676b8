import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

/** What is longer is compared by its digest, so that a difference can be read. */
const LONGEST = 1000

/** No program of the table takes longer on a machine that does other things as well. */
const LIMIT = 60_000

function brief(text: string): string {
  if (text.length <= LONGEST) return text
  const digest = createHash('sha256').update(text).digest('hex')
  return `${text.slice(0, LONGEST / 4)} … ${text.length} characters in all, ${digest}`
}

/**
 * What a command left, with its directory's path as `DIR`, so that it can be compared with that of
 * another.
 */
export interface Outcome {
  readonly code: number | string | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs, and its end. */
export interface Running {
  readonly ended: Promise<Outcome>
}

/** Starts a command in a process group of its own, which ends as a whole after a minute. */
export function begin(command: readonly string[], env: NodeJS.ProcessEnv, directory: string): Running {
  const [program = '', ...args] = command
  const child = spawn(program, args, { env, cwd: '/', detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const limit = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), LIMIT)
  const named = async (stream: NodeJS.ReadableStream) => brief((await text(stream)).replaceAll(directory, 'DIR'))
  const exited = new Promise<number | string | null>((resolve, reject) => {
    child.once('error', reject).once('exit', (code, signal) => resolve(signal ?? code))
  })
  const ended = (async () => {
    try {
      const [code, stdout, stderr] = await Promise.all([exited, named(child.stdout), named(child.stderr)])
      return { code, stdout, stderr }
    } finally {
      clearTimeout(limit)
    }
  })()
  return { ended }
}

/**
 * What stands in a directory: by its path the type, mode, links and bytes of each file. Times are
 * not in it, nor the modes of directories, which are not published.
 */
export type Listing = Record<string, { readonly looks: string; readonly bytes: string }>

/**
 * Lists a directory, all folders below it included. `varies` names files of which only the type and
 * mode count.
 */
export function listing(directory: string, varies: readonly string[] = []): Listing {
  const entries = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()
  return Object.fromEntries(
    entries.map((name) => {
      const path = join(directory, name)
      const found = lstatSync(path)
      if (found.isDirectory()) return [name, { looks: 'directory', bytes: '' }]
      const mode = found.mode.toString(8)
      if (found.isSymbolicLink()) return [name, { looks: mode, bytes: readlinkSync(path) }]
      if (!found.isFile() || varies.includes(name)) return [name, { looks: mode, bytes: '' }]
      const bytes = brief(readFileSync(path).toString('latin1').replaceAll(directory, 'DIR'))
      return [name, { looks: `${mode}, ${found.nlink} links`, bytes }]
    }),
  )
}
