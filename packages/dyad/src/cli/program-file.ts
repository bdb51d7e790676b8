import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { hasFileCapabilities, userId } from '@dyad-ts/core/internal'
import { readElf } from './elf.js'
import { EXIT_CODES } from './exit-codes.js'

/** The exit codes of a shell for a command that is missing, and for one that cannot be executed. */
export const NOT_FOUND = EXIT_CODES.noProgram.code
export const NOT_EXECUTABLE = EXIT_CODES.notExecutable.code
/** As many scripts as Linux lets interpret one another. */
const MOST_SCRIPTS = 5
/** The longest first line of a script that Linux reads, in bytes. */
const LINE_BYTES = 256

/** A command that cannot be started. */
export class CommandError extends Error {
  /** As a shell's. */
  readonly exitCode: number

  constructor(command: string, why: string, exitCode: number) {
    super(`${command}: ${why}`)
    this.exitCode = exitCode
  }
}

/**
 * The file that a command names, by itself or in the directories of PATH, as execvp(3) finds it.
 * CommandError.
 */
export function programFile(command: string, path: string): string {
  if (command === '') throw new CommandError("''", 'command not found', NOT_FOUND)
  const places = command.includes('/') ? [command] : path.split(delimiter).map((folder) => join(folder || '.', command))
  let why: string | undefined
  for (const place of places) {
    const fault = faultOf(place)
    if (fault === undefined) return place
    if (fault !== '') why ??= fault
  }
  if (why !== undefined) throw new CommandError(command, why, NOT_EXECUTABLE)
  throw new CommandError(command, command.includes('/') ? 'no such file' : 'command not found', NOT_FOUND)
}

/** Why a file cannot be executed; '' where there is none. */
function faultOf(place: string): string | undefined {
  try {
    if (statSync(place).isDirectory()) return 'it is a directory'
    accessSync(place, constants.X_OK)
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? '' : 'permission denied'
  }
}

/**
 * Why the library cannot be loaded into what a file runs, as a clause of it; undefined where it
 * can.
 */
export function unreachable(file: string, path: string, scripts = 0): string | undefined {
  const { mode, uid, gid } = statSync(file)
  const gains =
    ((mode & 0o4000) !== 0 && uid !== userId()) || ((mode & 0o2010) === 0o2010 && gid !== process.getgid?.())
  if (gains)
    return `${file} is ${(mode & 0o4000) !== 0 ? 'set-user-id' : 'set-group-id'}: the system loads no library of a caller into it`
  let fd: number
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
  try {
    const interpreter = interpreterOf(fd, path)
    if (interpreter !== undefined)
      return scripts < MOST_SCRIPTS ? unreachable(interpreter, path, scripts + 1) : undefined
    if (hasFileCapabilities(fd)) return `${file} has capabilities: the system loads no library of a caller into it`
    const elf = readElf(fd)
    if (elf === undefined) return undefined
    if (elf.isGo) return `${file} is a Go program: it makes its system calls itself`
    if (elf.loader === undefined) return `${file} is linked statically: no library can be loaded into it`
    if (!elf.isNative) return `${file} is for another processor than the library`
    if (elf.loader.includes('musl')) return `${file} is linked with musl, and the library with glibc`
    return undefined
  } finally {
    closeSync(fd)
  }
}

/** The interpreter that the first line of a script names, also by way of env(1). */
function interpreterOf(fd: number, path: string): string | undefined {
  const bytes = Buffer.alloc(LINE_BYTES)
  const line = bytes.toString('latin1', 0, readSync(fd, bytes, 0, LINE_BYTES, 0)).split('\n', 1)[0] ?? ''
  if (!line.startsWith('#!')) return undefined
  const [first = '', ...rest] = line
    .slice(2)
    .trim()
    .split(/[ \t]+/)
  const isEnv = basename(first) === 'env'
  const command = isEnv ? rest.find((word) => !word.startsWith('-') && !word.includes('=')) : first
  try {
    return command === undefined ? undefined : programFile(command, path)
  } catch {
    return undefined
  }
}
