/**
 * `node --import @dyad-ts/dyad/register app.js` lets a program take part through its own node:fs.
 */
import { register } from '@dyad-ts/register'

await register({ url: import.meta.url, command: new URL('../bin/dyad.js', import.meta.url).href })
