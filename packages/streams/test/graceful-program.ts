/**
 * Writes and reads through streams in a process whose node:fs a library has patched: before they
 * are loaded, or after.
 */
import fs from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { text } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'

const [order] = process.argv.slice(2)
const own = fs.ReadStream
const graceful: { gracefulify(patched: typeof fs): void } = createRequire(import.meta.url)('graceful-fs')

function patch(): void {
  graceful.gracefulify(fs)
  if (order === 'synced') syncBuiltinESMExports()
}

if (order !== 'after') patch()
const { TwoNodes } = await import('./session.js')
const { DyadFile, DyadReadStream, DyadWriteStream } = await import('../src/index.js')
if (order === 'after') patch()

await using nodes = await TwoNodes.open()
const [producer, consumer] = [await nodes.producer(), await nodes.consumer()]
const reading = text(new DyadReadStream(consumer, 'x', { timeout: 10_000 }))
const writer = new DyadWriteStream(producer, 'x')
let published: number | undefined
writer.on('published', ({ size }) => {
  published = size
})
await finished(writer.end('hello'))
const file = await DyadFile.open(consumer, 'x')
const lines: string[] = []
for await (const line of file.readLines()) lines.push(line)
await file.close()
console.log(JSON.stringify({ isReplaced: fs.ReadStream !== own, published, text: await reading, lines }))
