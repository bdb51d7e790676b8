/** Ends in various ways while files are open. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

const [how = '', directory = ''] = process.argv.slice(2)
const path = join(directory, how.replaceAll(' ', '-'))

function written(): number {
  const fd = fs.openSync(path, 'w')
  fs.writeSync(fd, how)
  return fd
}

const CHILD = `import { readFileSync, writeSync } from 'node:fs'; readFileSync(0); writeSync(1, 'child')`

const ways: Readonly<Record<string, () => unknown>> = {
  'leaves it open': () => written(),
  'finds no agent': () => written(),
  exit: () => {
    written()
    process.exit(3)
  },
  'leaves a FileHandle open': async () => {
    const handle = await open(path, 'w')
    await handle.write(how)
    process.exit()
  },
  throws: () => {
    written()
    setImmediate(() => {
      throw new Error('thrown')
    })
  },
  'is killed': () => {
    written()
    process.kill(process.pid, 'SIGKILL')
  },
  'a listener writes last': () => {
    const fd = written()
    process.on('exit', () => fs.writeSync(fd, ' and more'))
  },
  'a thread leaves it open': () =>
    once(
      new Worker(
        new URL(
          `data:text/javascript,${encodeURIComponent(
            `import fs from 'node:fs'; fs.writeSync(fs.openSync(${JSON.stringify(path)}, 'w'), ${JSON.stringify(how)})`,
          )}`,
        ),
      ),
      'exit',
    ),
  /** Two processes write through one descriptor; the child closes it last. */
  'a child closes last': async () => {
    const fd = written()
    const args = ['--input-type=module', '--eval', CHILD]
    const child = spawn(process.execPath, args, { stdio: ['pipe', fd, 'inherit'] })
    fs.closeSync(fd)
    process.send?.('closed')
    await once(process, 'message')
    child.stdin?.end()
    await once(child, 'exit')
    process.disconnect()
  },
  'a child closes first': () => {
    const fd = written()
    const args = ['--input-type=module', '--eval', CHILD]
    spawnSync(process.execPath, args, { stdio: ['ignore', fd, 'inherit'] })
    fs.writeSync(fd, ' then this')
    fs.closeSync(fd)
  },
}

await ways[how]?.()
