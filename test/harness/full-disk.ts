/**
 * A consumer whose directory is a disk that is too small for one file and large enough for another;
 * tells what happened as JSON.
 */
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, DyadReadStream } from '@dyad-ts/dyad'

const [directory, options] = process.argv.slice(2) as [string, string]
await using core = await connect(JSON.parse(options))

/** How it failed, and what it left. */
async function failure(work: () => Promise<unknown>) {
  const error = await work().then(
    () => undefined,
    ({ code, rc, message }) => ({ code, rc, message }),
  )
  return { error, left: readdirSync(directory) }
}

const consuming = await failure(() => core.consume('big'))
let ended = false
const reading = await failure(async () => {
  const stream = new DyadReadStream(core, 'big')
  stream.once('end', () => {
    ended = true
  })
  for await (const _ of stream);
})

// Not a byte is free for a file whose bytes are here already.
try {
  writeFileSync(`${directory}/filler`, Buffer.alloc(2 ** 23))
} catch {}
const inline = await failure(() => core.consume('small'))
rmSync(`${directory}/filler`)
const small = statSync(await core.consume('small')).size
console.log(JSON.stringify({ consuming, reading, ended, inline, small }))
