/** A consumer whose directory is a disk that is too small for one file and large enough for another; tells what happened as JSON. */
import { readdirSync, statSync } from 'node:fs'
import { connect } from 'dyad'

const [directory, options] = process.argv.slice(2) as [string, string]
await using core = await connect(JSON.parse(options))
const error = await core.consume('big').then(
  () => undefined,
  ({ code, rc, message }) => ({ code, rc, message }),
)
const left = readdirSync(directory)
const small = statSync(await core.consume('small')).size
console.log(JSON.stringify({ error, left, small }))
