// Waits for each file of producer.ts, reads it and checks every value: node consumer.js FILES
// DIRECTORY
import { buffer } from 'node:stream/consumers'
import { connect, DyadReadStream } from '@dyad-ts/dyad'

const [files = '10', directory] = process.argv.slice(2)

await using core = await connect({ consumerPath: directory })
for (let i = 0; i < Number(files); i++) {
  const values = await buffer(new DyadReadStream(core, `data${i}.txt`))
  let isRight = values.length === 40
  for (let j = 0; isRight && j < 10; j++) isRight = values.readInt32LE(j * 4) === i * 10 + j
  console.log(`File ${i}: ${isRight ? 'OK' : 'BAD'}`)
  if (!isRight) process.exitCode = 1
}
