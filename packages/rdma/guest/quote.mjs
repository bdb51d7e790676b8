/** A word of shell that stands for the text. */
export function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`
}
