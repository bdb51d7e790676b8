import { ok, strictEqual } from 'node:assert/strict'
import { closeSync, fstatSync } from 'node:fs'
import { open, readFile, rename, rm, stat, truncate } from 'node:fs/promises'
import { DyadError } from '../../errors.js'
import type { FileSource } from '../../transfer/contract.js'
import { ManagedSource } from '../../transfer/source.js'
import { drain, expectChunk, expectRejection, expectWholeOr, take } from './collect.js'
import { writeContent } from './content.js'
import type { Clause, World } from './contract.js'

const MIB = 1024 * 1024
/** One chunk, a few, and more than all buffers. */
const SIZES = [1000, 3 * MIB, 24 * MIB]

/** What happens to the file while it is read. */
const CHANGES: readonly { name: string; change(file: string, size: number): Promise<void> }[] = [
  {
    name: 'replaced by another',
    async change(file, size) {
      await writeContent(`${file}.new`, size, 99)
      await rename(`${file}.new`, file)
    },
  },
  { name: 'rewritten in place', change: (file, size) => writeContent(file, size, 99) },
  { name: 'cut short', change: (file, size) => truncate(file, Math.floor(size / 2)) },
  { name: 'made longer', change: (file, size) => writeContent(file, size + 10, 99) },
  { name: 'removed', change: (file) => rm(file) },
]

/** The version asked for, whole, or an error: never a mixture. */
export const changeClauses: readonly Clause[] = [
  ...CHANGES.flatMap(({ name, change }): Clause[] => [
    {
      name: `a file ${name} while it is read`,
      async run({ write, transport, owner, storage }) {
        for (const size of SIZES) {
          const version = await write(`read-${size}`, size, 8)
          const chunks = (await transport.fetch(owner.address, version))[Symbol.asyncIterator]()
          const first = Buffer.from(await take(chunks))
          await change(`${storage}/read-${size}`, size)
          expectWholeOr(await drain(chunks, [first]), 8, size, ['ERR_DYAD_CHANGED'])
        }
      },
    },
    {
      name: `a file ${name} before its first byte is read`,
      async run({ write, transport, owner, storage }) {
        for (const size of SIZES) {
          const version = await write(`fresh-${size}`, size, 8)
          const chunks = (await transport.fetch(owner.address, version))[Symbol.asyncIterator]()
          await change(`${storage}/fresh-${size}`, size)
          expectWholeOr(await drain(chunks, []), 8, size, ['ERR_DYAD_CHANGED'])
        }
      },
    },
  ]),
  {
    name: 'the last chunk comes only after the owner verified the file',
    async run(world) {
      for (const size of [0, ...SIZES]) {
        const version = await world.write(`verified-${size}`, size, 8)
        const { transport, address, opened } = await distrustful(world)
        const outcome = await transport.fetch(address, version).then(
          (transfer) => drain(transfer[Symbol.asyncIterator](), []),
          (error: unknown) => ({ bytes: Buffer.alloc(0), error }),
        )
        if (opened() === 0) return
        ok('error' in outcome, 'the owner found a change, and the reader was not told')
        await expectRejection(Promise.reject(outcome.error), ['ERR_DYAD_CHANGED'])
        ok(size === 0 || outcome.bytes.length < size, 'all bytes were handed over before the owner verified the file')
      }
    },
  },
  {
    name: 'copyTo and isAt, where offered',
    async run({ write, transport, owner, storage, outside }) {
      const size = 5 * MIB + 3
      const version = await write('copied', size, 8)
      const part = await transport.fetch(owner.address, { ...version, end: size - 1 })
      strictEqual(part.copyTo, undefined, 'copyTo is offered for a part of the file')
      await part.close()
      await using transfer = await transport.fetch(owner.address, version)
      if (transfer.isAt !== undefined) {
        strictEqual(await transfer.isAt(`${storage}/copied`), true, 'isAt does not know the file itself')
        strictEqual(await transfer.isAt(`${outside}/copy`), false, 'isAt takes a missing file for it')
      }
      if (transfer.openHere !== undefined) await expectSameFile(transfer.openHere(), `${storage}/copied`)
      if (transfer.copyTo === undefined) return
      const passed: Buffer[] = []
      await withNewFile(`${outside}/copy`, async (fd) =>
        transfer.copyTo?.(fd, (bytes) => passed.push(Buffer.from(bytes))),
      )
      const copied = await readFile(`${outside}/copy`)
      expectWholeOr({ bytes: copied }, 8, size, [])
      const told = Buffer.concat(passed)
      ok(told.equals(copied.subarray(0, told.length)), 'copyTo tells of other bytes than it copies')
      strictEqual(await transfer.isAt?.(`${outside}/copy`), false, 'isAt takes a copy for the file itself')
      const late = await transport.fetch(owner.address, version)
      await writeContent(`${storage}/copied`, size, 99)
      await withNewFile(`${outside}/late`, (fd) =>
        expectRejection(late.copyTo?.(fd) ?? Promise.reject(), ['ERR_DYAD_CHANGED']),
      )
      await late.close()
    },
  },
  {
    name: 'receiveInto, where offered',
    async run({ write, transport, owner, storage, outside }) {
      // Larger than what a transport may have found a place for before it knew of the file.
      const size = 24 * MIB + 3
      const position = 5
      const version = await write('received', size, 8)
      await withNewFile(`${outside}/received`, async (fd) => {
        await using transfer = await transport.fetch(owner.address, version)
        const lengths = transfer.receiveInto?.(fd, position)
        if (lengths === undefined) return
        let received = 0
        for await (const length of lengths) {
          const stored = await readFile(`${outside}/received`)
          received += expectChunk(stored.subarray(position + received, position + received + length), 8, received)
        }
        strictEqual(received, size, 'bytes told of')
      })
      await withNewFile(`${outside}/early`, async (fd) => {
        await using transfer = await transport.fetch(owner.address, version)
        const lengths = transfer.receiveInto?.(fd, 0)?.[Symbol.asyncIterator]()
        await lengths?.next()
        await lengths?.return?.()
      })
      await withNewFile(`${outside}/changed`, async (fd) => {
        await using transfer = await transport.fetch(owner.address, version)
        const lengths = transfer.receiveInto?.(fd, 0)
        if (lengths === undefined) return
        await writeContent(`${storage}/received`, size, 99)
        let received = 0
        const all = async () => {
          for await (const length of lengths) received += length
        }
        await expectRejection(all(), ['ERR_DYAD_CHANGED'])
        ok(received < size, 'all bytes were told of before the owner verified the file')
      })
    },
  },
  {
    name: 'an abort of copyTo',
    async run({ write, transport, owner, outside }) {
      const version = await write('copied', 24 * MIB, 8)
      const abort = new AbortController()
      const transfer = await transport.fetch(owner.address, version, { signal: abort.signal })
      if (transfer.copyTo === undefined) return
      await withNewFile(`${outside}/copy`, async (fd) => {
        const copying = transfer.copyTo?.(fd)
        abort.abort('enough')
        await copying?.then(
          () => {
            throw new Error('the copy was not ended')
          },
          (reason: unknown) => strictEqual(reason, 'enough'),
        )
      })
      await transfer.close()
    },
  },
]

/** Gives `work` a descriptor of a new, empty file, and closes it. */
async function withNewFile(path: string, work: (fd: number) => Promise<unknown>): Promise<void> {
  await using file = await open(path, 'wx+')
  await work(file.fd)
}

async function expectSameFile(fd: number, path: string): Promise<void> {
  try {
    strictEqual(fstatSync(fd).ino, (await stat(path)).ino, 'openHere opens another file')
  } finally {
    closeSync(fd)
  }
}

/** An owner whose source says, whenever it is asked to verify, that the file has changed. */
async function distrustful(world: World) {
  const transport = await world.another()
  const source = await ManagedSource.open([world.storage])
  let opened = 0
  const doubting: FileSource = {
    directories: source.directories,
    async open(version) {
      const file = await source.open(version)
      opened++
      return {
        read: (buffer, position) => file.read(buffer, position),
        verify: async () => {
          throw new DyadError('ERR_DYAD_CHANGED', { path: version.path })
        },
        close: () => file.close(),
        [Symbol.asyncDispose]: () => file.close(),
      }
    },
  }
  const server = await world.serve(transport, doubting)
  return { transport, address: server.address, opened: () => opened }
}
