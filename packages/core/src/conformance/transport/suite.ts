import { strictEqual } from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readlink, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { FileSource, Transport, TransportServer } from '../../transfer/contract.js'
import { changeClauses } from './clauses-change.js'
import { contentClauses } from './clauses-content.js'
import { endingClauses } from './clauses-ending.js'
import { refusalClauses } from './clauses-refusal.js'
import { backdate, versionOf, writeContent } from './content.js'
import type { Clause, ConformanceTest, Owner, TransportConformanceOptions, World } from './contract.js'
import { ownerHere, PeerProcess } from './owners.js'

const PATIENCE_MS = 60_000
const CLAUSES: readonly Clause[] = [...contentClauses, ...refusalClauses, ...endingClauses, ...changeClauses]

/**
 * Runs every clause of the Transport contract as a test of its own, against an owner in this
 * process and against one in another. There is no way to leave a clause out.
 */
export function transportConformance(test: ConformanceTest, options: TransportConformanceOptions): void {
  for (const clause of CLAUSES) {
    test(`in one process: ${clause.name}`, () =>
      runClause(clause, options, (storage) => ownerHere(options.create, storage)))
  }
  const peer = new PeerProcess(options.peer)
  for (const clause of CLAUSES) {
    test(`between processes: ${clause.name}`, () => runClause(clause, options, (storage) => peer.owner(storage)))
  }
  test('between processes: what served and is closed keeps no process alive', async () => {
    await inTime(peer.leave(), options.patience ?? PATIENCE_MS, 'the peer process').finally(() => peer.kill())
  })
}

async function runClause(
  clause: Clause,
  options: TransportConformanceOptions,
  ownerOf: (storage: string) => Promise<Owner>,
): Promise<void> {
  const patience = options.patience ?? PATIENCE_MS
  const root = await realpath(await mkdtemp(join(tmpdir(), 'dyad-transport-')))
  const [storage, outside] = [join(root, 'managed'), join(root, 'outside')]
  await Promise.all([mkdir(storage), mkdir(outside)])
  const owner = await ownerOf(storage)
  const transports: Transport[] = []
  const servers: TransportServer[] = []
  const another = async () => {
    const transport = await options.create()
    transports.push(transport)
    return transport
  }
  const world: World = {
    storage,
    outside,
    owner,
    transport: await another(),
    another,
    async serve(transport: Transport, source: FileSource) {
      const server = await transport.serve(source)
      servers.push(server)
      return server
    },
    async write(path, size, seed = 0) {
      const file = join(storage, path)
      await mkdir(dirname(file), { recursive: true })
      await writeContent(file, size, seed)
      await backdate(file)
      return versionOf(storage, path)
    },
  }
  try {
    await inTime(clause.run(world), patience, 'the clause')
    await inTime(tearDown(world, transports, servers), patience, 'closing everything')
    await expectNothingOpen(root)
  } finally {
    // Of a clause that failed nothing is expected but that it does not stop the others.
    await inTime(tearDown(world, transports, servers), patience, 'closing everything').catch(() => owner.kill())
    await rm(root, { recursive: true, force: true })
  }
}

async function tearDown(world: World, transports: Transport[], servers: TransportServer[]): Promise<void> {
  await Promise.all(transports.map((transport) => transport.close()))
  await Promise.all(servers.map((server) => server.close()))
  await world.owner.idle()
  await world.owner.close()
}

/** No descriptor of this process lies below the directories of the clause. */
async function expectNothingOpen(root: string): Promise<void> {
  if (process.platform !== 'linux') return
  const descriptors = await readdir('/proc/self/fd')
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  strictEqual(targets.filter((target) => target.startsWith(root)).join(', '), '', 'left open')
}

async function inTime<T>(work: Promise<T>, patience: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} hangs`)), patience)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
