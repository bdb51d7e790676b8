import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { own } from './own-fs.js'

/** A path in a managed directory. */
export interface ManagedPath {
  /** Normalized. */
  readonly absolute: string
  /** Its name in the producer-managed directory; undefined outside it. */
  readonly producer: string | undefined
  /** Its name in the consumer-managed directory; undefined outside it. */
  readonly consumer: string | undefined
}

/** The managed directories. */
export interface ManagedDirectories {
  readonly producer: string | undefined
  readonly consumer: string | undefined
}

/** The prefix of DYAD's temporary files. */
const TEMPORARY = '.dyad-'
/** The end of a path that names a directory. */
const NAMES_DIRECTORY = /(?:^|\/)\.{0,2}$/
const MAX_NAME_BYTES = 3_800

/** Decides by their text which paths are managed. */
export class ManagedPlaces {
  readonly #producers: readonly string[]
  readonly #consumers: readonly string[]
  readonly #all: readonly string[]

  /** Whether there is a producer-managed directory. */
  readonly produces: boolean
  /** Whether there is a consumer-managed directory. */
  readonly consumes: boolean
  /** The consumer-managed directory, or the producer-managed one. */
  readonly directory: string

  constructor({ producer, consumer }: ManagedDirectories) {
    this.produces = producer !== undefined
    this.consumes = consumer !== undefined
    this.directory = consumer ?? producer ?? '/'
    this.#producers = spellings(producer)
    this.#consumers = spellings(consumer)
    this.#all = [...new Set([...this.#producers, ...this.#consumers])]
  }

  /** Returns the managed path that an argument of node:fs names, or undefined. */
  locate(argument: unknown): ManagedPath | undefined {
    const path = textOf(argument)
    if (path === undefined || path === '') return undefined
    const isPlain = path.charCodeAt(0) === 47 && !path.includes('//') && !path.includes('/.')
    const absolute = isPlain ? path : resolve(path)
    for (const prefix of this.#all) if (absolute.startsWith(prefix)) return this.#named(path, absolute)
    return undefined
  }

  #named(path: string, absolute: string): ManagedPath | undefined {
    if (path.includes('\0') || NAMES_DIRECTORY.test(path)) return undefined
    const producer = nameBelow(this.#producers, absolute)
    const consumer = nameBelow(this.#consumers, absolute)
    return producer === undefined && consumer === undefined ? undefined : { absolute, producer, consumer }
  }

  /** Returns the name of a file in the producer-managed directory, by its real path. */
  producerName(real: string): string | undefined {
    return nameBelow(this.#producers, real)
  }
}

/** Returns the prefixes of paths in a directory: as given, and without symbolic links. */
function spellings(directory: string | undefined): string[] {
  if (directory === undefined) return []
  return [...new Set([directory, realOfWhatExists(directory)])].map((path) => (path === '/' ? path : `${path}/`))
}

/** The agent may make the directory later. */
function realOfWhatExists(path: string): string {
  try {
    return own.realpathSync.native(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realOfWhatExists(parent), basename(path))
  }
}

function nameBelow(prefixes: readonly string[], absolute: string): string | undefined {
  for (const prefix of prefixes) {
    if (!absolute.startsWith(prefix)) continue
    const name = absolute.slice(prefix.length).toWellFormed()
    const isOurs = name.startsWith(TEMPORARY) || name.includes(`/${TEMPORARY}`)
    const isTooLong = 3 * name.length > MAX_NAME_BYTES && Buffer.byteLength(name) > MAX_NAME_BYTES
    return name === '' || isOurs || isTooLong ? undefined : name
  }
  return undefined
}

/** Returns the text of a path, or undefined if node:fs refuses it. */
export function textOf(argument: unknown): string | undefined {
  if (typeof argument === 'string') return argument
  if (argument instanceof Uint8Array) return Buffer.from(argument).toString()
  if (!(argument instanceof URL)) return undefined
  try {
    const path = fileURLToPath(argument)
    return isAbsolute(path) ? path : undefined
  } catch {
    return undefined
  }
}
