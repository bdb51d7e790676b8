/**
 * Writes or reads one file by each form; `prepare` makes the files that stand before some of them
 * write. The nth file is written by the nth writer and read by the nth reader, over and over.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { READERS, STANDING, WRITERS } from './forms.js'

const [role, directory = ''] = process.argv.slice(2)
const writers = Object.entries(WRITERS)
const readers = Object.entries(READERS)
const numbers = Array.from({ length: Math.max(writers.length, readers.length) }, (_, index) => index)

/** What a call says, without the directory. */
async function said(call: () => Promise<unknown>): Promise<unknown> {
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

const works = numbers.map(work)
if (role === 'read') process.send?.('reading')
for (const line of await Promise.all(works)) console.log(line)
