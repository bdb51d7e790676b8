import { createRequire } from 'node:module'

/**
 * The calls of fs-native-extensions that are used here. Locks are F_OFD_SETLK of fcntl(2) on Linux:
 * a lock belongs to an open file, so it works between threads, processes, containers and, where the
 * file system shares its locks, between hosts. The kernel releases it when the last descriptor of
 * that open file is closed, in whatever way the process ends.
 */
interface Extensions {
  tryLock(fd: number, offset: number, length: number, exclusive: boolean): void
  unlock(fd: number, offset: number, length: number): void
  /** An extended attribute of a file; null where it has none of that name. */
  getAttrSync(fd: number, name: string): ArrayBuffer | null
}

let loaded: Extensions | null | undefined

/**
 * The library, loaded at the first call; null where it has no build for this system. Throws EMFILE
 * where no descriptor is free to find that out.
 */
export function nativeExtensions(): Extensions | null {
  if (loaded === undefined) loaded = load()
  return loaded
}

/** Names the file itself: the library's own loader takes ten milliseconds to find it. */
function load(): Extensions | null {
  try {
    const file = `fs-native-extensions/prebuilds/${process.platform}-${process.arch}/fs-native-extensions.node`
    return createRequire(import.meta.url)(file) as Extensions
  } catch (error) {
    const { message } = error as Error
    // The linker needs a descriptor, and has no code for saying so. The next call loads it.
    if (/too many open files/i.test(message)) throw Object.assign(new Error(message), { code: 'EMFILE' })
    return null
  }
}
