/**
 * Writes or reads one file by each form. `prepare` makes the files that exist before some of them
 * write. The nth file has the nth writer and the nth reader, round robin.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as asynchronous from './async-forms.js'
import * as synchronous from './sync-forms.js'

const [role, directory = '', kind] = process.argv.slice(2)
const { READERS, STANDING, WRITERS } = kind === 'sync' ? synchronous : asynchronous
const writers = Object.entries(WRITERS)
const readers = Object.entries(READERS)
const numbers = Array.from({ length: Math.max(writers.length, readers.length) }, (_, index) => index)

/** Returns the outcome of a call, without the directory. */
async function said(call: () => unknown): Promise<unknown> {
  try {
    return (await call()) ?? 'done'
  } catch (error) {
    return String(error).replaceAll(directory, 'DIRECTORY')
  }
}

async function work(number: number): Promise<string> {
  const path = join(directory, `file-${number}`)
  const content = `what ${number} says`
  const [form, write] = writers[number % writers.length] as (typeof writers)[number]
  if (role === 'prepare') {
    const standing = STANDING[form]
    if (standing !== undefined) writeFileSync(path, standing(content))
    return form
  }
  if (role === 'write') return `${form}: ${await said(() => write(path, content))}`
  const [reader, read] = readers[number % readers.length] as (typeof readers)[number]
  return `${reader}: ${await said(() => read(path))}`
}

if (role === 'read') process.send?.('reading')
for (const line of await Promise.all(numbers.map(work))) console.log(line)
