/** `node --import dyad/register app.js` lets a program take part through its own node:fs. */
import '@dyad/register'
