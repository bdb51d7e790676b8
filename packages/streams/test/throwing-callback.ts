/**
 * Throws in the callback of writes of so many bytes each, and prints how the process hears of it.
 */
import { DyadFile, DyadWriteStream } from '../src/index.js'
import { TwoNodes } from './session.js'

const bytes = Buffer.alloc(Number(process.argv[2]))
const nodes = await TwoNodes.open()
const core = await nodes.producer()
const file = await DyadFile.open(core, 'file', 'w')
let left = 4
process.on('uncaughtException', (error, origin) => {
  console.log(`${origin}: ${error.message}`)
  if (--left > 0) return
  nodes.remove()
  process.exit()
})
const streams = {
  stream: (path: string) => new DyadWriteStream(core, path),
  file: () => file.createWriteStream(),
}
for (const [name, begin] of Object.entries(streams)) {
  const fail = (how: string) => () => {
    throw new Error(`thrown by a callback of ${name}, ${how}`)
  }
  begin('x').write(bytes, fail('one write'))
  const stream = begin('y')
  stream.cork()
  stream.write(bytes, fail('two writes at once'))
  stream.write(bytes)
  stream.uncork()
}
