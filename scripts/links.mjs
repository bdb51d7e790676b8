/**
 * The targets of the links of a Markdown text, without those in code.
 * @param {string} text
 * @returns {string[]}
 */
export function linksOf(text) {
  const prose = text.replace(/^ *```[\s\S]*?^ *```$/gm, '').replace(/`[^`\n]*`/g, '')
  const inline = [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
  const defined = [...prose.matchAll(/^\[[^\]]+\]: (\S+)$/gm)]
  return [...inline, ...defined].map(([, target]) => target)
}
