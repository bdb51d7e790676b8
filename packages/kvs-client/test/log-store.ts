import type { StoredNamespace } from '../src/records/contract.js'
import type { LogRecordStore } from '../src/records/log-records.js'
import { bytesOf, pack } from '../src/records/packed.js'

export const value = (text: string) => Buffer.from(text)

/** Puts a record, and resolves when it is committed. */
export function put(namespace: StoredNamespace, key: string, text: string, revision: number): Promise<void> {
  return new Promise((resolve, reject) => {
    namespace.records.put(key, pack(value(text), revision), (error) => (error ? reject(error) : resolve()))
  })
}

export function remove(namespace: StoredNamespace, key: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    namespace.records.delete(key, (error, before) => {
      if (error) reject(error)
      else resolve(before && bytesOf(before).toString())
    })
  })
}

export function create(store: LogRecordStore, name: string): Promise<StoredNamespace> {
  return new Promise((resolve, reject) => {
    // It may be committed before `create` returns.
    const made = store.create(name, 'nonce', (error) => queueMicrotask(() => (error ? reject(error) : resolve(made))))
  })
}

export function contents(store: LogRecordStore, name = 'ns'): Record<string, string> {
  const found = store.namespaces().find((each) => each.name === name)
  if (found === undefined) return {}
  return Object.fromEntries(
    [...found.records.scan('')]
      .flatMap((entry) => (entry ? [entry] : []))
      .map(([key, packed]) => [key, bytesOf(packed).toString()]),
  )
}
