// Writes files of ten 32-bit integers into a producer-managed directory: node producer.js FILES
// DIRECTORY
import { pipeline } from 'node:stream/promises'
import { connect, DyadWriteStream } from '@dyad-ts/dyad'

const [files = '10', directory] = process.argv.slice(2)

await using core = await connect({ producerPath: directory })
for (let i = 0; i < Number(files); i++) {
  const values = Buffer.alloc(40)
  for (let j = 0; j < 10; j++) values.writeInt32LE(i * 10 + j, j * 4)
  await pipeline([values], new DyadWriteStream(core, `data${i}.txt`))
  console.log(`File ${i}: written`)
}
