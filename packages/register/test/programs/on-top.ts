/** Reads and writes through a library that has replaced functions of node:fs. */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import { promisify } from 'node:util'

const [role, order, directory = ''] = process.argv.slice(2)
const graceful: typeof fs & { gracefulify(patched: typeof fs): void } = createRequire(import.meta.url)('graceful-fs')
if (order === 'patched') graceful.gracefulify(fs)
const used = order === 'patched' ? fs : graceful
const path = (name: string) => join(directory, `${order}-${name}`)

if (role === 'write') {
  await finished(used.createWriteStream(path('stream')).end('by a stream'))
  await promisify(used.writeFile)(path('file'), 'by writeFile')
  await promisify(used.appendFile)(path('more'), 'by appendFile')
  await promisify(used.copyFile)(path('file'), path('copy'))
} else {
  process.send?.('reading')
  const stream = text(used.createReadStream(path('stream')))
  const read = promisify(used.readFile)
  const all = [stream, read(path('file')), read(path('more')), read(path('copy'))]
  console.log(JSON.stringify((await Promise.all(all)).map(String)))
}
