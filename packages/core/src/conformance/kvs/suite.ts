import { deepStrictEqual, ok } from 'node:assert/strict'
import type { KvsClient } from '../../kvs/contract.js'
import type { ConformanceTest } from '../transport/contract.js'
import { leaseClauses } from './clauses-lease.js'
import { lifecycleClauses } from './clauses-lifecycle.js'
import { namespaceClauses } from './clauses-namespace.js'
import { readLeaseClauses } from './clauses-read-lease.js'
import { restartClauses } from './clauses-restart.js'
import { streamClauses } from './clauses-stream.js'
import { valueClauses } from './clauses-value.js'
import { waitClauses } from './clauses-wait.js'
import type { Clause, KvsConformanceOptions, KvsSite, World, Writer } from './contract.js'
import { writerElsewhere, writerHere } from './peer.js'

const PATIENCE_MS = 60_000

const declaresClause: Clause = {
  name: 'declares what it can do',
  async run({ client, capabilities }) {
    deepStrictEqual({ ...client.capabilities }, { ...capabilities })
  },
}

const CLAUSES: readonly Clause[] = [
  declaresClause,
  ...valueClauses,
  ...waitClauses,
  ...namespaceClauses,
  ...streamClauses,
  ...leaseClauses,
  ...readLeaseClauses,
  ...restartClauses,
  ...lifecycleClauses,
]

/**
 * Runs every clause of the KvsClient contract as a test of its own, against a second client in this
 * process and, where the store is declared to be seen by several, one in another. Only what the
 * declared capabilities exclude is left out.
 */
export function kvsConformance(test: ConformanceTest, options: KvsConformanceOptions): void {
  const clauses = CLAUSES.filter(({ needs }) => needs === undefined || options.capabilities[needs])
  for (const clause of clauses) {
    test(`in one process: ${clause.name}`, () =>
      runClause(clause, options, async (site) => writerHere(await site.client(), site.crash)))
  }
  if (!options.capabilities.crossProcess) return
  for (const clause of clauses) {
    test(`between processes: ${clause.name}`, () =>
      runClause(clause, options, async (site) => {
        ok(site.fork, 'a store that is seen by several processes is tested from several')
        return writerElsewhere(site.fork())
      }))
  }
}

async function runClause(
  clause: Clause,
  options: KvsConformanceOptions,
  writerOf: (site: KvsSite) => Promise<Writer>,
): Promise<void> {
  const patience = options.patience ?? PATIENCE_MS
  const site = await options.open()
  const clients: KvsClient[] = []
  const another = async () => {
    const client = await site.client()
    clients.push(client)
    return client
  }
  const writer = await writerOf(site)
  try {
    const client = await another()
    await inTime(client.createNamespace('conformance'), patience, 'creating a namespace')
    const namespace = client.namespace('conformance')
    const { capabilities } = options
    const world: World = { site, capabilities, client, namespace, writer, another }
    await inTime(clause.run(world), patience, 'the clause')
  } finally {
    await inTime(
      Promise.all([writer.close(), ...clients.map((client) => client.close())]).then(() => site.close()),
      patience,
      'closing everything',
    )
  }
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
