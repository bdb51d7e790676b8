// Puts into a log that is rewritten repeatedly, and sends the parent the number of each committed
// put. Arguments: directory, first number.
import type { StoredNamespace } from '../../src/records/contract.js'
import { LogRecordStore } from '../../src/records/log-records.js'
import { pack } from '../../src/records/packed.js'

const [directory = '', first] = process.argv.slice(2)
const store = await LogRecordStore.open(directory, { compactBytes: 1_000 })
const ns =
  store.namespaces()[0] ??
  (await new Promise<StoredNamespace>((resolve) => {
    const made = store.create('ns', 'nonce', () => resolve(made))
  }))
for (let i = Number(first); ; i++) {
  await new Promise<void>((resolve, reject) => {
    const packed = pack(Buffer.from(String(i)), i + 1)
    ns.records.put(`key/${i % 50}`, packed, (error) => (error ? reject(error) : resolve()))
  })
  process.send?.(i)
  // A rewrite does a slice a turn.
  await new Promise((resolve) => setImmediate(resolve))
}
