// `npm run guest`: runs a developer's command in a guest, or two in a pair of guests, in the
// current directory.
import { parseArgs } from 'node:util'
import { bootGuest } from './boot.mjs'
import { bootPair } from './pair.mjs'
import { prefixLines } from './prefix-lines.mjs'
import { prepareGuest } from './prepare.mjs'

const HELP = `npm run guest -- [options] 'COMMAND'
npm run guest -- [options] --pair 'COMMAND A' 'COMMAND B'

Runs a line of shell as root in an emulated machine with an RDMA device in software, rxe0 at 10.99.0.1, and ends with its exit code.
It sees the files of this machine, and what it writes is gone afterwards. PATH and the current directory are those of the caller.
A pair is two machines joined by a network, 10.99.1.1 and 10.99.1.2: what one writes to /dev/virtio-ports/peer, the other reads there.

  --memory MiB   of each machine (2048; of a pair, 1024)
  --cpus N       of each machine (2; of a pair, 1)
  --seconds N    time limit, boot included (600)

Exit code 125: the machine itself failed, or the other one of the pair.
`
const BROKEN = 125

function usage(problem) {
  process.stderr.write(`${problem}\n\n${HELP}`)
  process.exit(2)
}

function parse() {
  const options = {
    memory: { type: 'string' },
    cpus: { type: 'string' },
    seconds: { type: 'string' },
    pair: { type: 'boolean' },
    help: { type: 'boolean' },
  }
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    return usage(error.message)
  }
}

/** A positive integer option, or nothing. */
function whole(name, text) {
  if (text === undefined || /^[1-9]\d{0,6}$/.test(text)) return text && Number(text)
  return usage(`--${name} is not a positive integer: ${text}`)
}

function prepare() {
  try {
    return prepareGuest()
  } catch (error) {
    console.error(error.message)
    process.exit(BROKEN)
  }
}

const { values, positionals } = parse()
if (values.help) {
  process.stdout.write(HELP)
  process.exit()
}
const expected = values.pair ? 2 : 1
if (positionals.length !== expected) usage(`expected ${expected} command${values.pair ? 's' : ', quoted as one'}`)

const stopped = new AbortController()
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => stopped.abort(new Error(`ended by ${name}`)))

const options = {
  memory: whole('memory', values.memory) ?? (values.pair ? 1024 : 2048),
  cpus: whole('cpus', values.cpus) ?? (values.pair ? 1 : 2),
  seconds: whole('seconds', values.seconds),
  // npm starts scripts in the folder of the package, and tells where it was called.
  cwd: process.env.INIT_CWD ?? process.cwd(),
  signal: stopped.signal,
}

const image = prepare()
const results = values.pair
  ? await bootPair(image, positionals, (side) => {
      const prefix = `${'AB'[side]}: `
      return {
        ...options,
        stdout: prefixLines(prefix, process.stdout),
        stderr: prefixLines(prefix, process.stderr),
      }
    })
  : await Promise.allSettled([bootGuest(image, positionals[0], options)])

const codes = results.map(({ status, value, reason }, side) => {
  if (status === 'fulfilled') return value
  console.error(`${values.pair ? `${'AB'[side]}: ` : ''}guest: ${reason.message}`)
  return BROKEN
})
// That of a command that failed by itself says more than that of the one which was ended therefore.
process.exitCode = codes.find((code) => code !== 0 && code !== BROKEN) ?? Math.max(...codes)
