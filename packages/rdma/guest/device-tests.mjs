// Runs test files in a guest, one after the other, and tells of them as the runner of tap does.
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { bootGuest } from './boot.mjs'
import { quote } from './quote.mjs'

// Of a file, as in .taprc. tap ends its tests by itself, and is ended if it does not.
const SECONDS = 480
const FAREWELL_SECONDS = 30
const BOOT_SECONDS = 120

/**
 * @param {{ kernel: string, initrd: string }} image
 * @param {readonly string[]} files
 * @param {import('./boot.mjs').GuestOptions & { env: Record<string, string> }} options
 * @returns {AsyncIterable<string>} lines of TAP: a subtest for each file, then the counts
 */
export async function* deviceTests(image, files, options) {
  // No test can know it, and thus none can say that it has ended.
  const mark = randomUUID()
  const output = new PassThrough()
  const broken = bootGuest(image, commandOf(files, mark), {
    ...options,
    env: { ...options.env, TAP_TIMEOUT: String(SECONDS) },
    seconds: BOOT_SECONDS + files.length * (SECONDS + FAREWELL_SECONDS),
    stdout: output,
  })
    .then((code) => (code === 0 ? undefined : `the guest could not be set up: ${code}`))
    .catch((error) => error.message)
    .finally(() => output.end())

  const counts = { total: 0 }
  const count = (name, number) => {
    counts[name] = (counts[name] ?? 0) + number
  }
  const names = [...files]
  let done = 0
  let began = 0
  let isCounted = false
  for await (const line of createInterface({ input: output, crlfDelay: Number.POSITIVE_INFINITY })) {
    const summary = /^# \{ (total: \d+.*) \}$/.exec(line)
    if (line === mark) {
      began = performance.now()
      isCounted = false
      yield `# Subtest: ${names[0]}`
    } else if (line.startsWith(`${mark} `)) {
      const code = line.slice(mark.length + 1)
      const isWell = code === '0' && isCounted
      if (!isCounted) count('fail', 1)
      yield `${isWell ? 'ok' : 'not ok'} ${++done} - ${names.shift()} # time=${performance.now() - began}ms`
      if (!isWell) yield `  ended with ${code}`
    } else {
      if (summary !== null) {
        isCounted = true
        for (const [, name, number] of summary[1].matchAll(/(\w+): (\d+)/g)) count(name, Number(number))
      }
      yield `    ${line}`
    }
  }
  let problem = await broken
  if (problem !== undefined && names.length === 0) names.push('the end of the guest')
  for (const name of names) {
    count('fail', 1)
    yield `not ok ${++done} - ${name}`
    for (const line of (problem ?? 'was not run').split('\n')) yield `  ${line}`
    problem = undefined
  }
  yield `# { ${Object.entries(counts)
    .map(([name, number]) => `${name}: ${number}`)
    .join(', ')} }`
}

function commandOf(files, mark) {
  const run = `timeout -k 5 ${SECONDS + FAREWELL_SECONDS} ${quote(process.execPath)} --import=tsx`
  // A file may have written half a line.
  return files.map((file) => `echo ${mark}; ${run} ${quote(file)}; printf '\\n${mark} %d\\n' $?`).join('\n')
}
