/**
 * Takes a lock and obeys the commands of its test: as a process, a worker of node:cluster, or a
 * thread.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { NodeLocks } from '../../src/consumer/node-lock.js'

const port = parentPort ?? process
const tell = (word: string) => (parentPort === null ? process.send?.(word) : parentPort.postMessage(word))
const [stateDir, name] = (workerData ?? process.argv.slice(2)) as [string, string]
const locks = await NodeLocks.open(stateDir)
const lock = await locks.take(name, { signal: new AbortController().signal, patience: 60_000 })
let bytes = 0
port.on('message', async (word: string) => {
  if (word === 'progress') lock.progress(++bytes)
  else if (word === 'is it held?') tell(String(lock.isHeld))
  else if (word === 'regain') tell(String(await lock.regain()))
  else if (word === 'release') {
    lock[Symbol.dispose]()
    tell('released')
  }
})
setInterval(() => {}, 1 << 30)
tell('held')
