import { nativeExtensions } from './native-extensions.js'

/**
 * Whether an executable file gives capabilities to whoever starts it; false where that cannot be
 * told.
 */
export function hasFileCapabilities(fd: number): boolean {
  try {
    return (nativeExtensions()?.getAttrSync(fd, 'security.capability') ?? null) !== null
  } catch {
    return false
  }
}
