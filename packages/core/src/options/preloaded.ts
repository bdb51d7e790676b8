/** Whether LD_PRELOAD can name a library, by its path. */
export function isPreloadable(library: string): boolean {
  return !/[\s:]/.test(library)
}

/** Returns LD_PRELOAD with the library in front of the former libraries. */
export function preloadedBy(library: string, former: string | undefined): string {
  const others = (former ?? '').split(/[\s:]+/).filter((name) => name !== '' && name !== library)
  return [library, ...others].join(':')
}
