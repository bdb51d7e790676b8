/** Looks at a file in three ways, and says what it found. */
import { existsSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

const [directory = '', name = ''] = process.argv.slice(2)
const file = join(directory, name)

function codeOf(error: unknown): unknown {
  return Reflect.get(Object(error), 'code')
}

function now(): unknown {
  try {
    return statSync(file).size
  } catch (error) {
    return codeOf(error)
  }
}

process.send?.('looks')
const later = await stat(file).then(({ size }) => size, codeOf)
process.stdout.write(JSON.stringify([later, now(), existsSync(file)]))
