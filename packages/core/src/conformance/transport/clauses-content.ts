import { ok, strictEqual } from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { expectChunk, expectContent, expectRejection, take } from './collect.js'
import { backdate, versionOf } from './content.js'
import type { Clause } from './contract.js'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB
const EDGES = [4 * KIB, 64 * KIB, 256 * KIB, 512 * KIB, MIB, 4 * MIB]
const MANY = 200

/** The right bytes, all of them, in order. */
export const contentClauses: readonly Clause[] = [
  {
    name: 'an empty file',
    async run({ write, transport, owner }) {
      const version = await write('empty', 0)
      await expectContent(await transport.fetch(owner.address, version), 0, 0, 0)
    },
  },
  {
    name: 'one byte',
    async run({ write, transport, owner }) {
      const version = await write('deep/below/one', 1, 7)
      await expectContent(await transport.fetch(owner.address, version), 7, 0, 1)
    },
  },
  {
    name: 'sizes around the edges of chunks',
    async run({ write, transport, owner }) {
      for (const size of EDGES.flatMap((edge) => [edge - 1, edge, edge + 1])) {
        const version = await write(`edge-${size}`, size, size)
        await expectContent(await transport.fetch(owner.address, version), size, 0, size)
      }
    },
  },
  {
    name: 'a file larger than all buffers',
    async run({ write, transport, owner }) {
      const version = await write('large', 48 * MIB + 13, 3)
      await expectContent(await transport.fetch(owner.address, version), 3, 0, version.size)
    },
  },
  {
    name: 'ranges',
    async run({ write, transport, owner }) {
      const size = 3 * MIB + 5
      const version = await write('ranges', size, 9)
      const ranges = [
        [0, 0],
        [0, 1],
        [5, 5],
        [size, size],
        [size - 1, size],
        [1, size],
        [0, size - 1],
      ]
      for (const [start = 0, end = 0] of [...ranges, [MIB - 1, 2 * MIB + 1], [256 * KIB, 512 * KIB]]) {
        await expectContent(await transport.fetch(owner.address, { ...version, start, end }), 9, start, end - start)
      }
      await expectContent(await transport.fetch(owner.address, { ...version, start: 7 }), 9, 7, size - 7)
      await expectContent(await transport.fetch(owner.address, { ...version, end: 7 }), 9, 0, 7)
      for (const range of [
        { start: 2, end: 1 },
        { end: size + 1 },
        { start: -1 },
        { start: 0.5 },
        { end: Number.NaN },
      ]) {
        await expectRejection(transport.fetch(owner.address, { ...version, ...range }), ['ERR_DYAD_REFUSED'])
      }
    },
  },
  {
    name: 'a range beyond 4 GiB',
    async run({ storage, transport, owner }) {
      const file = await open(`${storage}/vast`, 'w')
      try {
        await file.truncate(5 * GIB)
        await file.write(Buffer.from('far out'), 0, 7, 4 * GIB + 11)
      } finally {
        await file.close()
      }
      await backdate(`${storage}/vast`)
      const version = await versionOf(storage, 'vast')
      const range = { start: 4 * GIB + 10, end: 4 * GIB + 19 }
      const parts: Uint8Array[] = []
      for await (const chunk of await transport.fetch(owner.address, { ...version, ...range })) {
        parts.push(Buffer.from(chunk))
      }
      strictEqual(Buffer.concat(parts).toString('latin1'), '\0far out\0')
    },
  },
  {
    name: 'many transfers at once',
    async run({ write, transport, owner }) {
      const sizes = Array.from({ length: MANY }, (_, i) => 1 + ((i * 7919) % (700 * KIB)))
      const versions = []
      for (const [i, size] of sizes.entries()) versions.push(await write(`many/${i}`, size, i))
      await Promise.all(
        versions.map(async (version, i) => {
          await expectContent(await transport.fetch(owner.address, version), i, 0, version.size)
        }),
      )
    },
  },
  {
    name: 'chunk memory belongs to the reader until it asks for the next',
    async run({ write, transport, owner }) {
      const size = 6 * MIB + 1
      const [one, two] = [await write('mine', size, 1), await write('other', size, 2)]
      const chunks = (await transport.fetch(owner.address, one))[Symbol.asyncIterator]()
      let received = 0
      for (let first = true; received < size; first = false) {
        const chunk = await take(chunks)
        // A whole other transfer meanwhile must leave the chunk alone.
        if (first) await expectContent(await transport.fetch(owner.address, two), 2, 0, size)
        received += expectChunk(chunk, 1, received)
        // And what the reader does to its memory must not reach a later chunk or reader.
        chunk.fill(0xee)
      }
      ok((await chunks.next()).done, 'goes on after the last byte')
      await expectContent(await transport.fetch(owner.address, one), 1, 0, size)
    },
  },
]
