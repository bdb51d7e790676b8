import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  type Stats,
} from 'node:fs'
import { DyadError } from '../errors.js'
import { descriptorPath, hasDescriptorPaths, O_PATH } from './descriptor-path.js'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants

/**
 * Flags to open a regular file with: another kind of file that took its name neither blocks this
 * process nor becomes its terminal.
 */
export const READ_REGULAR = O_RDONLY | O_NONBLOCK | O_NOCTTY

/**
 * Opens a regular file that exists, and nothing else. On Linux it looks at the file before it opens
 * it, and opens the very file that it looked at. The caller closes the descriptor. ERR_DYAD_PATH
 * for anything but a regular file, and the system's own errors.
 * @param directory where the file must lie once links are resolved; ERR_DYAD_PATH if it does not.
 * @default anywhere
 * @param flags of open(2); with O_NOFOLLOW a link is no regular file. @default O_RDONLY
 */
export function openRegular(path: string, directory?: string, flags: number = O_RDONLY): number {
  if (!hasDescriptorPaths) return openChecked(path, directory, flags)
  const found = openSync(path, O_PATH | (flags & O_NOFOLLOW))
  try {
    checkRegular(fstatSync(found), path)
    const itself = descriptorPath(found)
    if (directory !== undefined) checkBelow(readlinkSync(itself), directory, path)
    return reopen(itself, path, flags)
  } finally {
    closeSync(found)
  }
}

/**
 * As `openRegular` for reading, but returns undefined unless the file looks as it should.
 * @param isOwn whether nobody else may put anything else there: then it is opened before it is
 *   looked at, which takes half of the time. @default false
 */
export function openRegularIf(path: string, fits: (looks: BigIntStats) => boolean, isOwn = false): number | undefined {
  const looksFirst = hasDescriptorPaths && !isOwn
  const found = openSync(path, looksFirst ? O_PATH : READ_REGULAR)
  let isKept = false
  try {
    const looks = fstatSync(found, { bigint: true })
    checkRegular(looks, path)
    if (!fits(looks)) return undefined
    if (looksFirst) return reopen(descriptorPath(found), path, O_RDONLY)
    isKept = true
    return found
  } finally {
    if (!isKept) closeSync(found)
  }
}

/**
 * Opens what a descriptor is of, by the path of that, which is a link itself; errors name the file.
 */
function reopen(itself: string, path: string, flags: number): number {
  try {
    return openSync(itself, READ_REGULAR | (flags & ~O_NOFOLLOW))
  } catch (error) {
    if (error instanceof Error) {
      Object.assign(error, { path, message: error.message.replace(itself, () => path) })
    }
    throw error
  }
}

/** As far as it goes where descriptors have no paths. */
function openChecked(path: string, directory: string | undefined, flags: number): number {
  const real = directory === undefined ? path : realpathSync.native(path)
  if (directory !== undefined) checkBelow(real, directory, path)
  const fd = openSync(real, READ_REGULAR | flags)
  try {
    checkRegular(fstatSync(fd), path)
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function checkRegular(looks: Stats | BigIntStats, path: string): void {
  if (!looks.isFile()) throw new DyadError('ERR_DYAD_PATH', { path, detail: 'not a regular file' })
}

function checkBelow(real: string, directory: string, path: string): void {
  if (real.startsWith(directory === '/' ? '/' : `${directory}/`)) return
  const detail = 'a symbolic link leads it out of the managed directory'
  throw new DyadError('ERR_DYAD_PATH', { path, detail })
}
