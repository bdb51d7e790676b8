/** Looks at a file in three ways, and prints the results. */
import fs from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const [directory = '', name = ''] = process.argv.slice(2)
const file = join(directory, name)

function found(looking: Promise<fs.Stats>): Promise<unknown> {
  return looking.then(
    ({ size }) => size,
    (error: unknown) => Reflect.get(Object(error), 'code'),
  )
}

process.send?.('looks')
const looks = [await found(stat(file)), await found(promisify(fs.stat)(file)), await promisify(fs.exists)(file)]
process.stdout.write(JSON.stringify(looks))
