import { spawn } from 'node:child_process'
import { constants, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { constants as system } from 'node:os'
import { GroupWitness } from './group-witness.js'
import { CommandError, NOT_EXECUTABLE, NOT_FOUND } from './program-file.js'

/**
 * The signals that are forwarded to a program: not those of the system (SIGSEGV) and of job control
 * (SIGTSTP).
 */
const FORWARDED = [
  ...(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const),
  ...(['SIGALRM', 'SIGVTALRM', 'SIGPROF', 'SIGIO', 'SIGURG', 'SIGPWR', 'SIGXCPU', 'SIGCONT'] as const),
]
/** The signals after which the system may write a core file. */
const OF_CORES: ReadonlySet<string> = new Set([
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGSEGV',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGSYS',
])

/** The end of a program: by itself, or by a signal. */
export type Ending = { readonly code: number } | { readonly signal: NodeJS.Signals }

/** A descriptor that this process inherited, and the file that it led to at the start. */
export interface Inherited {
  readonly fd: number
  readonly link: string
}

/** A program to run. */
export interface Program {
  /** As it was called. */
  readonly command: string
  readonly file: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Further descriptors that it inherits, besides the standard ones. */
  readonly descriptors: readonly Inherited[]
}

/**
 * Runs a program in the process group and on the terminal of this process, and resolves with its
 * end. The program receives every signal of this process exactly once. CommandError.
 */
export async function supervise({ command, file, args, env, descriptors }: Program): Promise<Ending> {
  await using witness = new GroupWitness()
  await witness.ready()
  const child = spawn(file, args, { argv0: command, env, stdio: stdioWith(descriptors) })
  const forward = async (name: NodeJS.Signals) => {
    if (!(await witness.saw(name))) child.kill(name)
  }
  for (const name of FORWARDED) process.on(name, forward)
  try {
    return await new Promise<Ending>((resolve, reject) => {
      child.on('error', ({ code, message }: NodeJS.ErrnoException) => {
        const isMissing = code === 'ENOENT'
        reject(
          new CommandError(
            command,
            isMissing ? 'its interpreter is missing' : message,
            isMissing ? NOT_FOUND : NOT_EXECUTABLE,
          ),
        )
      })
      child.on('exit', (code, signal) => resolve(signal === null ? { code: code ?? 1 } : { signal }))
    })
  } finally {
    for (const name of FORWARDED) process.off(name, forward)
  }
}

/**
 * Ends this process as the program ended: with its exit code, or by its signal, so that a shell
 * reports the same. Where this process would write a core file over the program's, it exits with
 * 128 and the signal's number instead.
 */
export function endAs(ending: Ending): void {
  if ('code' in ending) {
    process.exitCode = ending.code
    return
  }
  const { signal } = ending
  process.exitCode = 128 + (system.signals[signal] ?? 0)
  if (OF_CORES.has(signal) && mayWriteCores()) return
  // Node ignores some signals. Removing the last listener restores the default.
  if (signal !== 'SIGKILL' && signal !== 'SIGSTOP') {
    process.on(signal, () => {})
    process.removeAllListeners(signal)
  }
  process.kill(process.pid, signal)
}

function mayWriteCores(): boolean {
  try {
    return !/^Max core file size\s+0\s/m.test(readFileSync('/proc/self/limits', 'latin1'))
  } catch {
    return true
  }
}

/**
 * Returns the descriptors that this process inherited and that Node would close in its children,
 * such as those of mpirun or a shell's `3>log`: all but Node's own. Call it before anything is
 * opened.
 */
export function inheritedDescriptors(): Inherited[] {
  const found = readdirSync('/proc/self/fd').flatMap((name) => {
    const [fd, link] = [Number(name), linkOf(Number(name))]
    return link === undefined ? [] : [{ fd, link }]
  })
  const ends = new Map<string, number>()
  for (const { link } of found) ends.set(link, (ends.get(link) ?? 0) + 1)
  return found.filter(({ fd, link }) => fd > 2 && !isOwn(fd, link, ends.get(link) === 2))
}

/**
 * Returns true for a descriptor of Node itself: for events of the system, for a pipe with both of
 * its ends, or `/dev/null` for reading.
 */
function isOwn(fd: number, link: string, hasBothEnds: boolean): boolean {
  if (link === '/dev/null') return !isOpenForWriting(fd)
  return link.startsWith('anon_inode:') || (link.startsWith('pipe:') && hasBothEnds)
}

/** Returns true if a descriptor is open for writing; false also if the system does not say. */
export function isOpenForWriting(fd: number | string, pid: number | 'self' = 'self'): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'))?.[1]
    return (Number.parseInt(flags ?? '0', 8) & (constants.O_WRONLY | constants.O_RDWR)) !== 0
  } catch {
    return false
  }
}

/**
 * Returns the standard descriptors and these, at their own numbers. A descriptor that is closed by
 * now is left out: its number may belong to one that the start of a child waits for.
 */
export function stdioWith(descriptors: readonly Inherited[]): (number | 'ignore')[] {
  const stdio: (number | 'ignore')[] = [0, 1, 2]
  const standing = descriptors.filter(({ fd, link }) => linkOf(fd) === link)
  for (const fd of standing.map(({ fd }) => fd).sort((a, b) => a - b)) {
    while (stdio.length < fd) stdio.push('ignore')
    stdio[fd] = fd
  }
  return stdio
}

/** Returns the target of a descriptor; undefined if it is not open. */
function linkOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return undefined
  }
}
