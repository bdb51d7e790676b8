// Files in every form that Node has for them: `forms.mjs FORM write|read DIRECTORY`.
import { execFileSync } from 'node:child_process'
import fs, { createReadStream, createWriteStream, readFileSync, writeFileSync } from 'node:fs'
import { open, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const TEXT = 'a line of a text\n'.repeat(5000)
const { form, verb, directory } = isMainThread
  ? { form: process.argv[2], verb: process.argv[3], directory: process.argv[4] }
  : workerData
const at = (name) => `${directory}/${name}`
const tell = (...what) => console.log(...what)
const self = fileURLToPath(import.meta.url)

const FORMS = {
  sync: {
    write() {
      writeFileSync(at('whole'), TEXT)
      fs.appendFileSync(at('appended'), 'one\n')
      fs.appendFileSync(at('appended'), 'two\n')
      const fd = fs.openSync(at('by-descriptor'), 'w', 0o640)
      fs.writeSync(fd, TEXT)
      fs.closeSync(fd)
      fs.copyFileSync(at('whole'), at('copied'))
      writeFileSync(at('old'), 'renamed')
      fs.renameSync(at('old'), at('new'))
      writeFileSync(at('gone'), 'removed')
      fs.unlinkSync(at('gone'))
    },
    read() {
      tell(readFileSync(at('whole'), 'utf8').length)
      tell(fs.statSync(at('appended')).size, readFileSync(at('appended'), 'utf8'))
      const fd = fs.openSync(at('by-descriptor'))
      tell(fs.readSync(fd, Buffer.alloc(100_000)))
      fs.closeSync(fd)
      tell(fs.existsSync(at('copied')), readFileSync(at('copied')).length)
      fs.accessSync(at('new'))
      tell(readFileSync(at('new'), 'latin1'))
    },
  },
  callback: {
    async write() {
      await promisify(fs.writeFile)(at('whole'), TEXT)
      const fd = await promisify(fs.open)(at('by-descriptor'), 'w')
      await promisify(fs.write)(fd, TEXT)
      await promisify(fs.close)(fd)
      await promisify(fs.copyFile)(at('whole'), at('copied'))
      await promisify(fs.rename)(at('copied'), at('renamed'))
    },
    async read() {
      tell((await promisify(fs.readFile)(at('whole'))).length)
      const fd = await promisify(fs.open)(at('by-descriptor'), 'r')
      tell((await promisify(fs.read)(fd, Buffer.alloc(100_000))).bytesRead)
      await promisify(fs.close)(fd)
      tell((await promisify(fs.stat)(at('renamed'))).size, (await promisify(fs.readFile)(at('renamed'))).length)
    },
  },
  promises: {
    async write() {
      await writeFile(at('whole'), TEXT)
      await fs.promises.appendFile(at('appended'), 'one\n')
      const handle = await open(at('by-handle'), 'w')
      await handle.writeFile(TEXT)
      await handle.close()
      const scoped = await open(at('scoped'), 'w')
      await scoped.write('closed by its scope')
      await scoped[Symbol.asyncDispose]()
      await writeFile(at('.hidden'), TEXT)
      await rename(at('.hidden'), at('replaced'))
    },
    async read() {
      tell((await readFile(at('whole'))).length, (await fs.promises.readFile(at('appended'), 'utf8')).trim())
      const handle = await open(at('by-handle'))
      let lines = 0
      for await (const _ of handle.readLines()) lines++
      tell(lines)
      tell((await readFile(at('scoped'), 'utf8')).trim())
      tell((await fs.promises.stat(at('replaced'))).size, (await readFile(at('replaced'))).length)
    },
  },
  streams: {
    async write() {
      await pipeline([TEXT, TEXT], createWriteStream(at('stream')))
      await pipeline(['more\n'], createWriteStream(at('stream'), { flags: 'a' }))
      const handle = await open(at('of-handle'), 'w')
      await pipeline([TEXT], handle.createWriteStream())
    },
    async read() {
      let size = 0
      for await (const chunk of createReadStream(at('stream'), { highWaterMark: 1000 })) size += chunk.length
      tell(size)
      await pipeline(createReadStream(at('of-handle'), { start: 0, end: 15 }), process.stdout, { end: false })
    },
  },
  commonjs: {
    write() {
      const required = createRequire(import.meta.url)('fs')
      required.writeFileSync(at('required'), TEXT)
    },
    read() {
      const required = createRequire(import.meta.url)('fs')
      tell(required.readFileSync(at('required')).length)
    },
  },
  workers: {
    async write() {
      if (!isMainThread) return writeFileSync(at(`worker-${workerData.number}`), TEXT)
      await workers()
    },
    async read() {
      if (!isMainThread) return readFileSync(at(`worker-${workerData.number}`)).length
      tell(await workers())
    },
  },
  children: {
    write() {
      execFileSync(process.execPath, [self, 'sync', 'write', directory])
      execFileSync('/bin/sh', ['-c', 'echo by a shell > by-shell'], { cwd: directory })
    },
    read() {
      tell(execFileSync(process.execPath, [self, 'sync', 'read', directory], { encoding: 'utf8' }))
      tell(execFileSync('/bin/cat', ['by-shell'], { cwd: directory, encoding: 'utf8' }))
    },
  },
}

/** Runs the form in two threads more, and gives what each of them posts. */
function workers() {
  const results = [1, 2].map(
    (number) =>
      new Promise((resolve, reject) => {
        const worker = new Worker(new URL(import.meta.url), { workerData: { form, verb, directory, number } })
        let posted
        worker.on('message', (message) => {
          posted = message
        })
        worker.once('error', reject).once('exit', () => resolve(posted))
      }),
  )
  return Promise.all(results)
}

const result = await FORMS[form][verb]()
if (!isMainThread) parentPort.postMessage(result)
