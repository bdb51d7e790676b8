/** Numbered patterns and successors that are remembered. */
const MOST_PATTERNS = 256
const MOST_SUCCESSORS = 8_192
/**
 * Runs of digits of a path that are looked at, the last first, and their longest: as many digits as
 * a number holds exactly.
 */
const MOST_RUNS = 4
const LONGEST_RUN = 15

/** A walk is expected to go on within so many times its pace, and so many opens more. */
const PACES = 4
const SPARE_OPENS = 8

/** The paths that are expected after one that was opened. */
export interface Expected {
  /** Names the walk that leads there. */
  readonly walk: string
  /** How many paths were opened so far. */
  readonly now: number
  /** How many will be opened until the walk goes on; it may have ended if it has not by then. */
  readonly due: number
  /** The paths to come, the nearest first. */
  readonly paths: readonly string[]
}

/** Where a walk over numbered names is. */
interface Walk {
  /** How many paths were opened until it came here. */
  at: number
  /** How many were opened from one of its steps to the next, the last time. */
  pace: number
  last: number
  stride: number
  /** Steps of this stride in a row. */
  steps: number
  /** Least number of digits, where names are padded with zeros. */
  width: number
}

/** One run of digits in a path. */
interface Run {
  readonly before: string
  readonly digits: string
  readonly after: string
}

/**
 * Predicts from the opened paths which ones come next: the next numbers of a numbered sequence
 * (frame-0001, frame-0002, …) at any stride, and where names come again, the names that followed
 * them the last time (the replay of DTF).
 */
export class Sequence {
  readonly #walks = new Map<string, Walk>()
  readonly #successors = new Map<string, string>()
  #previous: string | undefined
  #opens = 0

  /**
   * Notes that a path was opened, and returns the paths to come: `most` at most, fewer where the
   * walk has just begun.
   */
  opened(path: string, most: number): Expected {
    this.#opens++
    const numbered = this.#numbered(path, most)
    const replayed = this.#replayed(path, numbered === undefined ? most : 0)
    return numbered ?? this.#expected('', 1, replayed)
  }

  #expected(walk: string, pace: number, paths: readonly string[]): Expected {
    return { walk, now: this.#opens, due: this.#opens + PACES * pace + SPARE_OPENS, paths }
  }

  #numbered(path: string, most: number): Expected | undefined {
    let found: Expected | undefined
    for (const run of runsOf(path)) {
      const pattern = `${run.before}\0${run.after}`
      const number = Number(run.digits)
      const walk = this.#walks.get(pattern)
      const next = step(walk, number, run.digits, this.#opens)
      remember(this.#walks, pattern, next, MOST_PATTERNS)
      if (found !== undefined || next.steps === 0) continue
      const names = namesAhead(run, next, most)
      if (names.length > 0) found = this.#expected(pattern, next.pace, names)
    }
    return found
  }

  #replayed(path: string, most: number): string[] {
    const paths: string[] = []
    for (let at = this.#successors.get(path); at !== undefined && at !== path; at = this.#successors.get(at)) {
      if (paths.length >= most || paths.includes(at)) break
      paths.push(at)
    }
    if (this.#previous !== undefined && this.#previous !== path) {
      remember(this.#successors, this.#previous, path, MOST_SUCCESSORS)
    }
    this.#previous = path
    return paths
  }
}

function* runsOf(path: string): Generator<Run> {
  const found = [...path.matchAll(/\d+/g)].slice(-MOST_RUNS).reverse()
  for (const { 0: digits, index } of found) {
    if (digits.length > LONGEST_RUN) continue
    yield { before: path.slice(0, index), digits, after: path.slice(index + digits.length) }
  }
}

function step(walk: Walk | undefined, number: number, digits: string, at: number): Walk {
  const width = digits.startsWith('0') ? digits.length : 0
  if (walk === undefined) return { at, pace: 1, last: number, stride: 0, steps: 0, width }
  const stride = number - walk.last
  // The same file again is no step.
  if (stride === 0) return walk
  const steps = stride === walk.stride ? walk.steps + 1 : 1
  return { at, pace: at - walk.at, last: number, stride, steps, width: Math.max(width, walk.width) }
}

/** The further the walk has come, the further ahead it is believed. */
function namesAhead({ before, after }: Run, { last, stride, steps, width }: Walk, most: number): string[] {
  const names: string[] = []
  for (let i = 1; i <= Math.min(most, 2 ** steps); i++) {
    const number = last + i * stride
    if (number < 0 || !Number.isSafeInteger(number)) break
    names.push(`${before}${String(number).padStart(width, '0')}${after}`)
  }
  return names
}

/** Remembers `most` at most; what was remembered first is forgotten first. */
function remember<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  if (map.size >= most && !map.has(key)) {
    for (const oldest of map.keys()) {
      map.delete(oldest)
      break
    }
  }
  map.set(key, value)
}
