import { nativeExtensions } from './native-extensions.js'

/**
 * Returns whether an executable file gives capabilities to the process that runs it; false where
 * that is not known.
 */
export function hasFileCapabilities(fd: number): boolean {
  try {
    return (nativeExtensions()?.getAttrSync(fd, 'security.capability') ?? null) !== null
  } catch {
    return false
  }
}
