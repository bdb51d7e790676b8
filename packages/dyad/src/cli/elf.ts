import { readSync } from 'node:fs'

/** The properties of an executable file of Linux that matter for LD_PRELOAD. */
export interface Elf {
  /** Whether it is built for the processor and the word size of this process. */
  readonly isNative: boolean
  /** The dynamic loader that it names; undefined for a static program, which loads no library. */
  readonly loader: string | undefined
  /** Whether Go built it: such programs make their system calls themselves. */
  readonly isGo: boolean
}

/** Offsets of the fields, in bytes: of a program's header (64 or 32 bits) and of its tables. */
const LAYOUT_64 = {
  head: 64,
  programs: 32,
  sections: 40,
  counts: 54,
  section: 24,
  sectionSize: 32,
  segment: 8,
  segmentSize: 32,
}
const LAYOUT_32 = {
  head: 52,
  programs: 28,
  sections: 32,
  counts: 42,
  section: 16,
  sectionSize: 20,
  segment: 4,
  segmentSize: 16,
}
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 }
/** The type of a program header that names the dynamic loader. */
const PT_INTERP = 3
const GO_SECTIONS: ReadonlySet<string> = new Set(['.note.go.buildid', '.go.buildinfo'])
/** No program has longer tables. */
const MOST_BYTES = 1024 * 1024

/**
 * Reads the headers of an open file. Returns undefined if it is no ELF file of this byte order, or
 * if it is damaged.
 */
export function readElf(fd: number): Elf | undefined {
  try {
    return parse((position, length) => exactly(fd, position, length))
  } catch {
    return undefined
  }
}

/** Reads exactly these bytes of a file, or throws. */
type Read = (position: number, length: number) => Buffer

function parse(read: Read): Elf | undefined {
  const magic = read(0, 20)
  if (magic.toString('latin1', 0, 4) !== '\x7fELF' || magic[5] !== 1) return undefined
  const is64 = magic[4] === 2
  const at = is64 ? LAYOUT_64 : LAYOUT_32
  const head = read(0, at.head)
  const word = (from: Buffer, offset: number) =>
    is64 ? Number(from.readBigUInt64LE(offset)) : from.readUInt32LE(offset)
  const rows = (start: number, counts: number) => {
    const [size, count] = [head.readUInt16LE(counts), head.readUInt16LE(counts + 2)]
    const bytes = read(start, size * count)
    return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
  }
  const segments = rows(word(head, at.programs), at.counts)
  const sections = rows(word(head, at.sections), at.counts + 4)
  const interpreter = segments.find((row) => row.readUInt32LE(0) === PT_INTERP)
  const texts = sections[head.readUInt16LE(at.counts + 8)]
  const names = texts === undefined ? undefined : read(word(texts, at.section), word(texts, at.sectionSize))
  return {
    isNative: is64 && magic.readUInt16LE(18) === MACHINES[process.arch],
    loader:
      interpreter === undefined
        ? undefined
        : textAt(read(word(interpreter, at.segment), word(interpreter, at.segmentSize)), 0),
    isGo: names !== undefined && sections.some((row) => GO_SECTIONS.has(textAt(names, row.readUInt32LE(0)))),
  }
}

function exactly(fd: number, position: number, length: number): Buffer {
  if (length > MOST_BYTES || !Number.isSafeInteger(position + length)) throw new RangeError('longer than any table')
  const bytes = Buffer.alloc(length)
  if (readSync(fd, bytes, 0, length, position) !== length) throw new RangeError('the file ends before')
  return bytes
}

/** Returns the text before the first NUL. */
function textAt(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start)
  return bytes.toString('latin1', start, end === -1 ? bytes.length : end)
}
