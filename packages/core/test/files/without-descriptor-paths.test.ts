import { execFileSync } from 'node:child_process'
import fs, {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { type Test, test } from 'tap'

// This process sees no /proc, as on a system where descriptors have no paths.
const { existsSync, open, openSync } = fs
/** What is opened meanwhile. */
let opened: string[] = []
/** Runs before the next file is opened. */
let beforeOpen: (() => void) | undefined
function opens(path: unknown): void {
  const before = beforeOpen
  beforeOpen = undefined
  before?.()
  opened.push(String(path))
}
fs.existsSync = (path) => path !== '/proc/self/fd' && existsSync(path)
fs.openSync = (...args) => {
  opens(args[0])
  return openSync(...args)
}
fs.open = ((...args: Parameters<typeof open>) => {
  opens(args[0])
  open(...args)
}) as typeof open
syncBuiltinESMExports()
const { hasDescriptorPaths } = await import('../../src/files/descriptor-path.js')
const { openRegular } = await import('../../src/files/open-regular.js')
const { StoringParents } = await import('../../src/files/storing-parents.js')
const { ManagedSource } = await import('../../src/transfer/source.js')

/** A managed directory with a file, and what lies beside it. */
function site(t: Test): { root: string; managed: string } {
  const root = mkdtempSync(`${realpathSync(tmpdir())}/dyad-without-paths-`)
  t.teardown(() => rmSync(root, { recursive: true }))
  const managed = `${root}/managed`
  for (const name of ['managed', 'managed/folder', 'out']) mkdirSync(`${root}/${name}`)
  for (const name of ['managed/folder/file', 'out/file']) fs.writeFileSync(`${root}/${name}`, 'content')
  execFileSync('mkfifo', [`${managed}/pipe`])
  symlinkSync('pipe', `${managed}/to-pipe`)
  symlinkSync('/dev/null', `${managed}/device`)
  symlinkSync('../out', `${managed}/up`)
  symlinkSync('../out/file', `${managed}/out`)
  symlinkSync('folder', `${managed}/inside`)
  return { root, managed }
}

const REFUSED = ['pipe', 'to-pipe', 'device', 'up/file', 'out', 'folder']

test('only regular files below the directory are opened', async (t) => {
  t.notOk(hasDescriptorPaths)
  const { managed } = site(t)
  const source = await ManagedSource.open([managed])
  const version = (path: string) => {
    const { size, mtimeNs } = statSync(`${managed}/${path}`, { bigint: true })
    return { storage: managed, path, size: Number(size), mtimeNs }
  }
  for (const path of REFUSED) {
    t.throws(() => openRegular(`${managed}/${path}`, managed), { code: 'ERR_DYAD_PATH' }, path)
    opened = []
    await t.rejects(source.open(version(path)), { code: 'ERR_DYAD_REFUSED' }, path)
    t.strictSame(opened, [], `${path} is not touched`)
  }
  for (const path of ['folder/file', 'inside/file']) {
    closeSync(openRegular(`${managed}/${path}`, managed))
    await (await source.open(version(path))).close()
  }
})

test('what is swapped in before the open is closed again unread', async (t) => {
  const swaps: Record<string, (managed: string) => void> = {
    'a pipe': (managed) => {
      rmSync(`${managed}/folder/file`)
      execFileSync('mkfifo', [`${managed}/folder/file`])
    },
    'a link that leads the directory out': (managed) => {
      rmSync(`${managed}/folder`, { recursive: true })
      symlinkSync('../out', `${managed}/folder`)
    },
  }
  for (const [name, swap] of Object.entries(swaps)) {
    const { root, managed } = site(t)
    for (const file of ['managed/folder/file', 'out/file']) utimesSync(`${root}/${file}`, 1_000, 1_000)
    const source = await ManagedSource.open([managed])
    const version = { storage: managed, path: 'folder/file', size: 7, mtimeNs: 1_000_000_000_000n }
    await (await source.open(version)).close()
    beforeOpen = () => swap(managed)
    await t.rejects(source.open(version), { code: 'ERR_DYAD_REFUSED' }, name)
    t.equal(beforeOpen, undefined, 'it was swapped')
  }
})

test('nothing is stored where a link leads out', async (t) => {
  const { root, managed } = site(t)
  const parents = new StoringParents(managed)
  symlinkSync(root, `${managed}/root`)
  for (const way of ['up', 'root', 'root/out']) {
    t.throws(() => parents.enter(`${managed}/${way}`), { code: 'ERR_DYAD_STORE' }, way)
  }
  t.strictSame(readdirSync(`${root}/out`), ['file'])
  t.equal(parents.enter(`${managed}/inside`).real, `${managed}/folder`)
  t.equal(parents.enter(`${managed}/new/one`).path, `${managed}/new/one`)
})
