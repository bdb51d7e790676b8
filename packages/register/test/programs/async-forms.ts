/** Every asynchronous form in which node:fs writes a file, and reads one. */
import fs, { copyFile as namedCopyFile, readFile as namedReadFile, writeFile as namedWriteFile } from 'node:fs'
import promises, { open, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { finished, pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const required: typeof fs = createRequire(import.meta.url)('fs')
const requiredPromises: typeof promises = createRequire(import.meta.url)('node:fs/promises')

/** Returns a path beside the directory of `path`, for a form's other files. */
function beside(path: string): string {
  return join(dirname(dirname(path)), `beside-${basename(path)}`)
}

export const WRITERS: Readonly<Record<string, (path: string, content: string) => Promise<unknown>>> = {
  'writeFile with a callback': (path, content) => promisify(fs.writeFile)(path, content),
  'named writeFile with a callback': (path, content) => promisify(namedWriteFile)(path, content),
  'required writeFile with a callback': (path, content) => promisify(required.writeFile)(path, content),
  'writeFile of promises': (path, content) => fs.promises.writeFile(path, Buffer.from(content)),
  'named writeFile of promises': (path, content) => writeFile(path, content, { flag: 'wx', mode: 0o640 }),
  'required writeFile of promises': (path, content) => requiredPromises.writeFile(path, [content]),
  'writeFile of a URL': (path, content) => writeFile(pathToFileURL(path), content),
  'writeFile of a Buffer': (path, content) => writeFile(Buffer.from(path), content),
  'writeFile of another spelling': (path, content) =>
    writeFile(`${dirname(path)}/..//./${basename(dirname(path))}//${basename(path)}`, content),
  'writeFile over a file': (path, content) => writeFile(path, content),
  'writeFile of an open FileHandle': async (path, content) => {
    const handle = await open(path, 'w')
    await writeFile(handle, content)
    await handle.close()
  },
  'appendFile with a callback': (path, content) => promisify(fs.appendFile)(path, content),
  'appendFile of promises': (path, content) => promises.appendFile(path, content.slice(3)),
  'open, write and close with callbacks': async (path, content) => {
    const fd = await promisify(fs.open)(path, 'w', 0o644)
    await promisify(fs.write)(fd, content)
    await promisify(fs.close)(fd)
  },
  'open, writeFile and close with callbacks': async (path, content) => {
    const fd = await promisify(fs.open)(path, 'a')
    await promisify(fs.writeFile)(fd, content)
    await promisify(fs.close)(fd)
  },
  'a FileHandle': async (path, content) => {
    const handle = await open(path, 'w+')
    await handle.write(content)
    await handle.close()
  },
  'writeFile and appendFile of a FileHandle': async (path, content) => {
    const handle = await open(path, 'w')
    await handle.writeFile(content.slice(0, 2))
    await handle.appendFile(content.slice(2))
    await handle.close()
  },
  'a FileHandle that is disposed of': async (path, content) => {
    const handle = await open(path, 'w')
    await handle.write(content)
    await handle[Symbol.asyncDispose]()
  },
  'the stream of a FileHandle': async (path, content) => {
    const handle = await open(path, 'w')
    const stream = handle.createWriteStream()
    stream.end(content)
    await finished(stream)
  },
  'a stream': async (path, content) => {
    const stream = fs.createWriteStream(path)
    stream.write(content.slice(0, 4))
    stream.end(content.slice(4))
    await finished(stream)
  },
  'a stream that is constructed': async (path, content) => {
    const stream = Reflect.construct(fs.WriteStream, [path]) as fs.WriteStream
    await finished(stream.end(content))
  },
  pipeline: (path, content) => pipeline([content], fs.createWriteStream(path)),
  'copyFile with a callback': async (path, content) => {
    await writeFile(beside(path), content)
    await promisify(namedCopyFile)(beside(path), path)
  },
  'copyFile of promises': async (path, content) => {
    await writeFile(beside(path), content)
    await promises.copyFile(beside(path), path, fs.constants.COPYFILE_EXCL)
  },
  'rename into place with a callback': async (path, content) => {
    await writeFile(beside(path), content)
    await promisify(fs.rename)(beside(path), path)
  },
  'rename within the directory': async (path, content) => {
    await writeFile(`${path}.part`, content)
    await promises.rename(`${path}.part`, path)
  },
  'rename before the close': async (path, content) => {
    const handle = await open(`${path}.part`, 'w')
    await handle.write(content)
    await promises.rename(`${path}.part`, path)
    await handle.close()
  },
  'link with a callback': async (path, content) => {
    await writeFile(beside(path), content)
    await promisify(fs.link)(beside(path), path)
  },
  'link of promises': async (path, content) => {
    await writeFile(beside(path), content)
    await promises.link(beside(path), path)
  },
  'truncate with a callback': (path, content) => promisify(fs.truncate)(path, content.length),
  'truncate of promises': (path, content) => promises.truncate(path, content.length),
  'utimes after the close': async (path, content) => {
    await writeFile(path, content)
    await promises.utimes(path, 1, 1)
    await promisify(fs.utimes)(path, 2, 2)
  },
  'cp with a callback': async (path, content) => {
    await writeFile(beside(path), content)
    await promisify<string, string>(fs.cp)(beside(path), path)
  },
  'cp of promises, over a file': async (path, content) => {
    await writeFile(beside(path), content)
    await promises.cp(beside(path), path, { preserveTimestamps: true })
  },
}

/** The unpublished file at the path before some of the forms write there. */
export const STANDING: Readonly<Record<string, (content: string) => string>> = {
  'writeFile over a file': () => 'a longer first version of this file',
  'appendFile of promises': (content) => content.slice(0, 3),
  'truncate with a callback': (content) => `${content} and more`,
  'truncate of promises': (content) => `${content} and more`,
  'cp of promises, over a file': () => 'an older version',
}

export const READERS: Readonly<Record<string, (path: string) => Promise<string>>> = {
  'readFile with a callback': (path) => promisify(fs.readFile)(path, 'utf8'),
  'named readFile with a callback': (path) => promisify(namedReadFile)(path, { encoding: 'utf8' }),
  'required readFile with a callback': async (path) => String(await promisify(required.readFile)(path)),
  'readFile of promises': (path) => fs.promises.readFile(path, 'utf8'),
  'named readFile of promises': async (path) => String(await readFile(path)),
  'required readFile of promises': (path) => requiredPromises.readFile(path, { encoding: 'utf8', flag: 'r' }),
  'readFile of a URL': (path) => readFile(pathToFileURL(path), 'utf8'),
  'readFile of a Buffer': (path) => readFile(Buffer.from(path), 'utf8'),
  'readFile of another spelling': (path) =>
    readFile(`${dirname(path)}/../${basename(dirname(path))}/.//${basename(path)}`, 'utf8'),
  'open, read and close with callbacks': async (path) => {
    const fd = await promisify(fs.open)(path, 'r')
    const { bytesRead, buffer } = await promisify(fs.read)(fd, Buffer.alloc(100), 0, 100, 0)
    await promisify(fs.close)(fd)
    return buffer.toString('utf8', 0, bytesRead)
  },
  'open with nothing but a callback': async (path) => {
    const fd = await new Promise<number>((resolve, reject) =>
      fs.open(path, (error, opened) => (error ? reject(error) : resolve(opened))),
    )
    const content = await promisify(fs.readFile)(fd, 'utf8')
    await promisify(fs.close)(fd)
    return content
  },
  'a FileHandle': async (path) => {
    const handle = await open(path)
    const content = await handle.readFile('utf8')
    await handle.close()
    return content
  },
  'lines of a FileHandle': async (path) => {
    const handle = await open(path)
    const lines: string[] = []
    for await (const line of handle.readLines()) lines.push(line)
    return lines.join('\n')
  },
  'the stream of a FileHandle': async (path) => text((await open(path)).createReadStream()),
  'a stream': (path) => text(fs.createReadStream(path)),
  'a stream of a range': async (path) => {
    const [first, rest] = await Promise.all([
      text(fs.createReadStream(path, { start: 0, end: 2 })),
      text(fs.createReadStream(path, { start: 3, highWaterMark: 2 })),
    ])
    return first + rest
  },
  'a stream that is constructed': (path) => text(Reflect.construct(fs.ReadStream, [path]) as fs.ReadStream),
  'copyFile with a callback': async (path) => {
    await promisify(fs.copyFile)(path, beside(path))
    return readFile(beside(path), 'utf8')
  },
  'copyFile of promises': async (path) => {
    await promises.copyFile(path, beside(path))
    return readFile(beside(path), 'utf8')
  },
  'cp with a callback': async (path) => {
    await promisify<string, string>(fs.cp)(path, beside(path))
    return readFile(beside(path), 'utf8')
  },
  'cp of promises': async (path) => {
    await promises.cp(path, beside(path))
    return readFile(beside(path), 'utf8')
  },
  'stat with a callback': async (path) => withSize(path, (await promisify(fs.stat)(path)).size),
  'stat of promises': async (path) => withSize(path, Number((await promises.stat(path, { bigint: true })).size)),
  'lstat with a callback': async (path) => withSize(path, (await promisify(fs.lstat)(path)).size),
  'lstat of promises': async (path) => withSize(path, (await promises.lstat(path)).size),
  'access with a callback': async (path) => {
    await promisify(fs.access)(path)
    return readFile(path, 'utf8')
  },
  'access of promises': async (path) => {
    await promises.access(path, fs.constants.R_OK)
    return readFile(path, 'utf8')
  },
  'exists with a callback': async (path) => {
    const isThere = await promisify(fs.exists)(path)
    return isThere ? readFile(path, 'utf8') : 'not there'
  },
  'realpath with a callback': async (path) => readFile(await promisify(fs.realpath)(path), 'utf8'),
  'realpath of promises': async (path) => readFile(await promises.realpath(path), 'utf8'),
  'realpath.native': async (path) => readFile(await promisify(fs.realpath.native)(path), 'utf8'),
  'rename out of the directory with a callback': async (path) => {
    await promisify(fs.rename)(path, beside(path))
    return readBack(path)
  },
  'rename out of the directory with promises': async (path) => {
    await promises.rename(path, beside(path))
    return readBack(path)
  },
  'link elsewhere with a callback': async (path) => {
    await promisify(fs.link)(path, `${beside(path)}-link`)
    return readFile(`${beside(path)}-link`, 'utf8')
  },
  'link elsewhere with promises': async (path) => {
    await promises.link(path, `${beside(path)}-link`)
    return readFile(`${beside(path)}-link`, 'utf8')
  },
  'truncate with a callback': async (path) => {
    await promisify(fs.truncate)(path, 4)
    return 'cut'
  },
  'truncate of promises': async (path) => {
    await promises.truncate(path, 4)
    return 'cut'
  },
  openAsBlob: async (path) => (await fs.openAsBlob(path)).text(),
}

/** Reads a file that was moved out, and moves it back. */
async function readBack(path: string): Promise<string> {
  const content = await readFile(beside(path), 'utf8')
  await promises.rename(beside(path), path)
  return content
}

async function withSize(path: string, size: number): Promise<string> {
  const content = await readFile(path, 'utf8')
  return size === content.length ? content : `${content} of ${size} bytes`
}
