/** Every synchronous form in which node:fs writes a file, and reads one. */
import fs, {
  appendFileSync,
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const required: typeof fs = createRequire(import.meta.url)('node:fs')

/** Returns a path beside the directory of `path`, for a form's other files. */
function beside(path: string): string {
  return join(dirname(dirname(path)), `beside-${basename(path)}`)
}

export const WRITERS: Readonly<Record<string, (path: string, content: string) => unknown>> = {
  writeFileSync: (path, content) => fs.writeFileSync(path, content),
  'named writeFileSync': (path, content) => writeFileSync(path, Buffer.from(content), { flag: 'wx' }),
  'required writeFileSync': (path, content) => required.writeFileSync(path, content, 'utf8'),
  'writeFileSync of a URL': (path, content) => writeFileSync(pathToFileURL(path), content),
  'writeFileSync of a Buffer': (path, content) => writeFileSync(Buffer.from(path), content),
  'writeFileSync of a relative path': (path, content) => {
    const before = process.cwd()
    process.chdir(dirname(dirname(path)))
    writeFileSync(`${basename(dirname(path))}/./${basename(path)}`, content)
    process.chdir(before)
  },
  'writeFileSync over a file': (path, content) => writeFileSync(path, content),
  appendFileSync: (path, content) => appendFileSync(path, content),
  'appendFileSync to a file': (path, content) => appendFileSync(path, content.slice(3)),
  'openSync, writeSync and closeSync': (path, content) => {
    const fd = openSync(path, 'w')
    writeSync(fd, content)
    closeSync(fd)
  },
  'openSync, writeFileSync and closeSync': (path, content) => {
    const fd = fs.openSync(path, 'a+', 0o600)
    fs.writeFileSync(fd, content)
    fs.closeSync(fd)
  },
  'openSync with numbers': (path, content) => {
    const fd = openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL)
    fs.writevSync(fd, [Buffer.from(content)])
    closeSync(fd)
  },
  copyFileSync: (path, content) => {
    writeFileSync(beside(path), content)
    copyFileSync(beside(path), path)
  },
  cpSync: (path, content) => {
    writeFileSync(beside(path), content)
    cpSync(beside(path), path)
  },
  'cpSync over a file': (path, content) => {
    writeFileSync(beside(path), content)
    cpSync(beside(path), path, { preserveTimestamps: true, filter: () => true })
  },
  'renameSync into place': (path, content) => {
    writeFileSync(beside(path), content)
    renameSync(beside(path), path)
  },
  'renameSync within the directory': (path, content) => {
    writeFileSync(`${path}.part`, content)
    renameSync(`${path}.part`, path)
  },
  'renameSync before the close': (path, content) => {
    const fd = openSync(`${path}.part`, 'w')
    writeSync(fd, content)
    renameSync(`${path}.part`, path)
    closeSync(fd)
  },
  linkSync: (path, content) => {
    writeFileSync(beside(path), content)
    fs.linkSync(beside(path), path)
  },
  'two descriptors of one file': (path, content) => {
    const [first, second] = [openSync(path, 'w'), openSync(path, 'a')]
    writeSync(first, content.slice(0, 2))
    closeSync(first)
    writeSync(second, content.slice(2))
    closeSync(second)
  },
  truncateSync: (path, content) => fs.truncateSync(path, content.length),
  'utimesSync after the close': (path, content) => {
    writeFileSync(path, content)
    fs.utimesSync(path, 1, 1)
  },
}

/** The unpublished file at the path before some of the forms write there. */
export const STANDING: Readonly<Record<string, (content: string) => string>> = {
  'writeFileSync over a file': () => 'a longer first version of this file',
  'appendFileSync to a file': (content) => content.slice(0, 3),
  'cpSync over a file': () => 'an older version',
  truncateSync: (content) => `${content} and more`,
}

export const READERS: Readonly<Record<string, (path: string) => string>> = {
  readFileSync: (path) => fs.readFileSync(path, 'utf8'),
  'named readFileSync': (path) => readFileSync(path, { encoding: 'utf8' }),
  'required readFileSync': (path) => String(required.readFileSync(path)),
  'readFileSync of a URL': (path) => readFileSync(pathToFileURL(path), 'utf8'),
  'readFileSync of a Buffer': (path) => readFileSync(Buffer.from(path), 'utf8'),
  'openSync, readSync and closeSync': (path) => {
    const fd = openSync(path, 'r')
    const buffer = Buffer.alloc(100)
    const bytes = fs.readSync(fd, buffer)
    closeSync(fd)
    return buffer.toString('utf8', 0, bytes)
  },
  'openSync and readFileSync': (path) => {
    const fd = openSync(path, fs.constants.O_RDONLY)
    const content = readFileSync(fd, 'utf8')
    closeSync(fd)
    return content
  },
  copyFileSync: (path) => {
    copyFileSync(path, beside(path))
    return readFileSync(beside(path), 'utf8')
  },
  cpSync: (path) => {
    cpSync(path, beside(path))
    return readFileSync(beside(path), 'utf8')
  },
  statSync: (path) => withSize(path, fs.statSync(path).size),
  lstatSync: (path) => withSize(path, Number(fs.lstatSync(path, { bigint: true }).size)),
  'statSync that does not throw': (path) => withSize(path, fs.statSync(path, { throwIfNoEntry: false })?.size),
  accessSync: (path) => {
    fs.accessSync(path, fs.constants.R_OK)
    return readFileSync(path, 'utf8')
  },
  existsSync: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : 'not there'),
  realpathSync: (path) => readFileSync(fs.realpathSync(path), 'utf8'),
  'realpathSync.native': (path) => readFileSync(fs.realpathSync.native(path), 'utf8'),
  'renameSync out of the directory': (path) => {
    renameSync(path, beside(path))
    const content = readFileSync(beside(path), 'utf8')
    renameSync(beside(path), path)
    return content
  },
  'linkSync elsewhere': (path) => {
    fs.linkSync(path, `${beside(path)}-link`)
    return readFileSync(`${beside(path)}-link`, 'utf8')
  },
  'truncateSync, which opens the file': (path) => {
    fs.truncateSync(path, 4)
    return 'cut'
  },
}

function withSize(path: string, size: number | undefined): string {
  const content = readFileSync(path, 'utf8')
  return size === content.length ? content : `${content} of ${size} bytes`
}
