// Files between nodes on two hosts, over rdma alone, and what their consumer hears when the owner's
// process or host is gone midway. Each host is told by the other when to go on.
import { match, ok, strictEqual } from 'node:assert'
import { execFileSync } from 'node:child_process'
import type { Diagnostics } from '@dyad-ts/dyad'
import { digestOf } from '../../harness/contents.js'
import { TestProcess } from '../../harness/process.js'
import { COMMON, directory, heard, role, run, scope, tell } from '../support/two-hosts.js'

const MIB = 2 ** 20
/** More than may be under way at once. */
const SIZE = 48 * MIB
const PAUSE_AT = 2 * MIB
/**
 * The connection manager tells of a process at once; a host that says nothing is given 4.4 s by the
 * transport. Emulation takes its part of both.
 */
const TOLD = { within: 10_000, why: /the peer (ended|broke) the connection/ }
const SILENT = { within: 15_000, why: /RETRY_EXC_ERR/ }
/** Longer than a host may be silent. */
const STOPPED_MS = 8_000

type Retry = Diagnostics['dyad.transfer.retry']
type Started = Diagnostics['dyad.transfer.started']

const node = role === 'owner' ? 'A' : 'B'
const OPTIONS = {
  ...COMMON,
  dtlMode: 'rdma',
  inlineLimit: 0,
  // A transfer that stands still is the transport's to notice.
  progressTimeout: 120_000,
  // Nobody is to miss the process that is stopped for a while.
  leaseTtl: 60_000,
  node,
} as const

async function startNode(options: { node: string; directories: string[]; broker?: boolean }): Promise<TestProcess> {
  const started = await TestProcess.start(scope, 'node-process')
  await started.ask('start', { ...OPTIONS, ...options })
  return started
}

async function startApp(): Promise<TestProcess> {
  const app = await TestProcess.start(scope, 'app-process')
  await app.ask('connect', { ...OPTIONS, producerPath: directory('out'), consumerPath: directory('in') })
  return app
}

/** Reads a file and compares its digest; it must have come over rdma. */
async function receive(app: TestProcess, path: string, seed: number): Promise<void> {
  strictEqual((await app.ask<{ sha256: string }>('read', path)).sha256, digestOf(SIZE, seed))
  strictEqual(app.notes<Started>('dyad.transfer.started').at(-1)?.transport, 'rdma')
  console.log(`received ${path}`)
}

async function own(): Promise<void> {
  await startNode({ node: 'K', directories: [], broker: true })
  const service = () => startNode({ node, directories: [directory('out')] })
  let a = await service()
  const app = await startApp()
  for (const [seed, path] of ['to-b', 'killed', 'stopped', 'silent'].entries()) await app.ask('write', path, SIZE, seed)
  tell('published')
  heard('published')
  await receive(app, 'to-a', 9)
  tell('received')

  heard('midway of killed')
  await a.kill()
  tell('killed')
  heard('it was heard')
  a = await service()

  heard('midway of stopped')
  a.freeze()
  tell('stopped')
  heard('nothing was heard')
  a.resume()

  heard('midway of silent')
  a.freeze()
  tell('stopped')
  heard('nothing was heard')
  execFileSync('ip', ['link', 'set', 'eth0', 'down'])
  heard('done')
}

async function consume(): Promise<void> {
  heard('published')
  await startNode({ node, directories: [directory('out')] })
  const app = await startApp()
  await app.ask('write', 'to-a', SIZE, 9)
  await receive(app, 'to-b', 0)
  tell('published')
  heard('received')

  /** Consumes a file, and stays midway until the owner has done what it does then. */
  const midway = async (path: string, done: string) => {
    const consuming = app.ask<string>('consume', path, { pauseAt: PAUSE_AT })
    consuming.catch(() => {})
    await app.noted('paused', (paused) => paused === path)
    tell(`midway of ${path}`)
    heard(done)
    app.unblock()
    const retried = app
      .noted<Retry>('dyad.transfer.retry', ({ record }) => record.path === path)
      .then(({ error }) => error)
    // A file that is not cut off has no retry until this process ends.
    retried.catch(() => {})
    return { consuming, retried }
  }
  const expectInterrupted = ({ error, after }: { error: Error; after: number }, { within, why }: typeof TOLD) => {
    console.log(`heard after ${after.toFixed(0)} ms: ${error.message}`)
    // Between processes errors lose their code: this is ERR_DYAD_TRANSFER.
    match(error.message, /^the transfer broke off/)
    match(error.message, why)
    ok(after < within)
  }

  const killed = await midway('killed', 'killed')
  const unblocked = performance.now()
  expectInterrupted({ error: await killed.retried, after: performance.now() - unblocked }, TOLD)
  tell('it was heard')
  await killed.consuming
  await receive(app, 'killed', 1)

  /** A process that does nothing looks as one that has nothing to say: its device answers. */
  const expectNothing = async (path: string) => {
    await new Promise((resolve) => setTimeout(resolve, STOPPED_MS))
    strictEqual(app.notes<Retry>('dyad.transfer.retry').filter(({ record }) => record.path === path).length, 0)
    tell('nothing was heard')
    return performance.now()
  }
  const stopped = await midway('stopped', 'stopped')
  await expectNothing('stopped')
  await stopped.consuming
  await receive(app, 'stopped', 2)

  // Nothing is under way when the host goes: it must be asked whether it is there.
  const silent = await midway('silent', 'stopped')
  const cut = await expectNothing('silent')
  expectInterrupted({ error: await silent.retried, after: performance.now() - cut }, SILENT)
  tell('done')
}

await run({ owner: own, consumer: consume })
