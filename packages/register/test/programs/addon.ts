/** Makes an addon write files, here and in a thread, and writes others itself. */
import { once } from 'node:events'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

const [directory = '', addon = ''] = process.argv.slice(2)
const files: { write(path: string, text: string): void } = createRequire(import.meta.url)(addon)
const thread = `import { createRequire } from 'node:module'
  createRequire('/')(${JSON.stringify(addon)}).write(${JSON.stringify(join(directory, 'thread'))}, 'x')`

files.write(join(directory, 'addon'), 'x')
fs.writeFileSync(join(directory, 'sync'), 'x')
await fs.promises.writeFile(join(directory, 'promise'), 'x')
fs.renameSync(join(directory, 'sync'), join(directory, 'moved'))
await fs.promises.chmod(join(directory, 'moved'), 0o600)
fs.unlinkSync(join(directory, 'promise'))
await once(new Worker(new URL(`data:text/javascript,${encodeURIComponent(thread)}`)), 'exit')
