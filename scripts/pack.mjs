// What `npm run pack` runs once everything is built: packs the packages that are published into
// packed/, with the native one of this platform where it is built, and prints the command that
// installs them.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const NATIVE = `native/npm/${process.platform}-${process.arch}-gnu`

function manifestOf(folder) {
  const path = join(root, folder, 'package.json')
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
}

/** Packs a package into a folder; returns the path of the tarball. */
function packOne(folder, { name, version }, destination) {
  const args = ['-y', manifestOf('.').packageManager, 'pack', '--pack-destination', destination]
  const { status, error, stdout, stderr } = spawnSync('npx', args, { cwd: root + folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${name} cannot be packed: ${error?.message ?? `${stdout}${stderr}`}`)
  return join(destination, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
}

/**
 * Packs every package that is published into a folder. Returns the paths of the tarballs by the
 * names of the packages.
 * @param {string} destination
 * @returns {Record<string, string>}
 */
export function packAll(destination) {
  mkdirSync(destination, { recursive: true })
  const native = existsSync(`${root}packages/${NATIVE}/libdyad_preload.so`) ? [NATIVE] : []
  const tarballs = {}
  for (const name of [...readdirSync(`${root}packages`), ...native]) {
    const manifest = manifestOf(`packages/${name}`)
    if (manifest === undefined || manifest.private) continue
    tarballs[manifest.name] = packOne(`packages/${name}`, manifest, destination)
  }
  return tarballs
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const destination = `${root}packed`
  rmSync(destination, { recursive: true, force: true })
  const count = Object.keys(packAll(destination)).length
  console.log(`${count} packages are packed. This command installs them in a project:\n`)
  console.log(`npm install ${join(destination, '*.tgz')}`)
}
