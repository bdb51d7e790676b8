export async function resolve(specifier, context, next) {
  const found = await next(specifier, context)
  return found.url.endsWith('.ts') ? { ...found, url: found.url.replace(/ts$/, 'js'), format: 'module' } : found
}
