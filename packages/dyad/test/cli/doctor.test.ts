import { readFile, writeFile } from 'node:fs/promises'
import { type HostReport, rdmaTransport } from '@dyad-ts/rdma'
import t from 'tap'
import { COMMAND, Sandbox } from './command.js'

const WITH_LIBRARY = [process.execPath, '--import', new URL('./with-library.mjs', import.meta.url).href, COMMAND]

/** The report of the transport itself about this host. */
const { unavailable } = rdmaTransport()
const code = unavailable === undefined ? 0 : 1

t.test('doctor tells what is missing and what to do, and exits with 1 if rdma cannot be used', async (t) => {
  await using sandbox = await Sandbox.make()
  const { stdout, stderr, ...ended } = await sandbox.run(['doctor'])
  t.equal(ended.code, code)
  t.equal(stderr, '')
  t.match(
    stdout,
    code === 0
      ? /^exit code 0: files can move over RDMA here\n/
      : /^exit code 1: files cannot move over RDMA here, and move over tcp: \S.*\n/,
  )
  t.match(stdout, /^ {2}libraries {6}(not loaded|libibverbs and librdmacm, by koffi \d+\.\d+\.\d+)$/m)
  t.match(stdout, /^ {2}locked memory {2}(unlimited|up to .+ a process)$/m)
  t.match(stdout, /^what to change$/m)
  t.notMatch(stdout, '\u001b', 'no colours off a terminal')
  if (code === 0) {
    t.match(stdout, /^RDMA verbs can be used here$/m)
    t.match(stdout, /^device \S+$/m)
    t.notMatch(stdout.split('unmodified programs')[0], /^ {2}needed:/m)
    return
  }
  t.match(stdout, /^RDMA verbs cannot be used here; files move over tcp$/m)
  t.match(stdout, /^ {2}needed: \S.*\n {4}.*(install|modprobe|check|chmod|ulimit|ip addr)/m, 'with its remedy')
})

t.test('doctor --json prints the same as one object in one line', async (t) => {
  await using sandbox = await Sandbox.make()
  const { stdout, stderr, ...ended } = await sandbox.run(['doctor', '--json'])
  t.equal(ended.code, code)
  t.equal(stderr, '')
  t.match(stdout, /^\{.*\}\n$/)
  const report = JSON.parse(stdout) as HostReport
  t.equal(report.isUsable, code === 0)
  const plain = (await sandbox.run(['doctor'])).stdout
  for (const { what, remedy } of report.findings) {
    t.ok(plain.includes(`: ${what}\n    ${remedy}\n`), what)
  }
  for (const { name } of report.devices) t.ok(plain.includes(`device ${name}\n`), name)
  t.equal(report.findings.filter(({ isFatal }) => isFatal).length > 0, code === 1, 'something is to be changed')
})

t.test('doctor tells whether unmodified programs can take part, and what to do if not', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const doctor = async (env: NodeJS.ProcessEnv) => {
    const { stdout } = await sandbox.spawn(['doctor'], env, WITH_LIBRARY).ended
    const { programs } = JSON.parse((await sandbox.spawn(['doctor', '--json'], env, WITH_LIBRARY).ended).stdout)
    return { text: stdout.slice(stdout.indexOf('unmodified programs')), programs }
  }
  const none = await doctor({ TEST_LIBRARY: '', DYAD_NODE: 'n1' })
  t.match(
    none.text,
    /^unmodified programs cannot take part here\n {2}library {8}not here\n {2}agent {10}answers at \S+\n/,
  )
  t.match(none.text, /^ {2}needed: the library .* is empty\n {4}`npm run build:native` builds it/m)
  t.match(none.programs, { isUsable: false, library: null, answers: true, findings: [{ isFatal: true }] })
  const file = sandbox.at('no-library.so')
  await writeFile(file, 'text')
  const broken = await doctor({ TEST_LIBRARY: file, DYAD_NODE: 'n3' })
  t.match(broken.text, /needed: \S+no-library\.so cannot be loaded: .*\n {4}build it/)
  t.match(broken.text, /better: no agent listens at \S+\n {4}start the service of this node: `dyad start`/)
  const library = /\/\S+\/libm\.so\.6$/m.exec(await readFile('/proc/self/maps', 'latin1'))?.[0]
  const well = await doctor({ TEST_LIBRARY: library, DYAD_NODE: 'n2' })
  t.match(
    well.text,
    /^unmodified programs can take part here: dyad run\n {2}library {8}\S+libm\.so\.6\n {2}agent {10}answers at/,
  )
  t.match(well.programs, { isUsable: true, library, answers: true, findings: [] })
  const named = ['doctor', '--json', '--node', 'n2']
  const { stdout } = await sandbox.spawn(named, { TEST_LIBRARY: library, DYAD_NODE: 'n3' }, WITH_LIBRARY).ended
  t.match(JSON.parse(stdout).programs, { answers: true }, 'a flag names another node')
  const wrong = await doctor({ TEST_LIBRARY: library, DYAD_AGENT: sandbox.at('file') })
  t.match(wrong.text, /better: no agent listens at \S+file\n/)
})

t.test('doctor looks at the host alone: no option can be wrong for it', async (t) => {
  await using sandbox = await Sandbox.make()
  const { stderr, ...ended } = await sandbox.run(['doctor'], { DYAD_DTL_MODE: 'nonsense', DYAD_KVS: 'nonsense' })
  t.equal(ended.code, code)
  t.equal(stderr, '')
})

t.test('a program that asks for rdma alone hears at once that there is none', async (t) => {
  await using sandbox = await Sandbox.withNodes()
  const got = await sandbox.run(['get', 'x', '--dtl-mode', 'rdma', '--timeout', '1'], sandbox.on('n2'))
  t.match(got, { code: unavailable === undefined ? 4 : 6, stdout: '' })
  if (unavailable === undefined) t.match(got.stderr, /ERR_DYAD_TIMEOUT/, 'with a device it waits')
  else t.equal(got.stderr, `dyad: ${unavailable.code}: ${unavailable.message}\n`)
})
