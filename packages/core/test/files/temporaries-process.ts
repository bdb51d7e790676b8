/**
 * Makes a temporary file, by itself or in a thread, and waits to be killed; or sweeps a directory.
 */
import { writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { Temporaries } from '../../src/files/temporaries.js'

const [target, what] = (workerData ?? process.argv.slice(2)) as [string, string?]
const temporaries = new Temporaries()
const { path, fd } = temporaries.create(target, 0o600)
if (what === 'sweep') {
  await temporaries.settled()
  temporaries.remove(path)
} else {
  writeSync(fd, 'half')
  setInterval(() => {}, 1 << 30)
}
if (parentPort !== null) parentPort.postMessage('written')
else if (process.send) process.send('written')
else process.stdout.write('written\n')
