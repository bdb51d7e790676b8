import { getEventListeners } from 'node:events'
import { test } from 'tap'
import { type Abortable, Aborts } from '../src/client/aborts.js'

/** Counts its calls. */
class Listener implements Abortable {
  place = 0
  told = 0

  aborted(): void {
    this.told++
  }
}

test('a signal tells all who listen to it, each once, and nobody who has left, in whatever order', (t) => {
  const aborts = new Aborts()
  const [control, other] = [new AbortController(), new AbortController()]
  const listeners = Array.from({ length: 100 }, () => new Listener())
  const bystander = new Listener()
  for (const each of listeners) aborts.add(control.signal, each)
  aborts.add(other.signal, bystander)
  t.equal(getEventListeners(control.signal, 'abort').length, 1, 'with one listener')

  const left = listeners.filter((_, i) => i % 3 === 0 || i > 90)
  for (const each of left) {
    aborts.remove(other.signal, each)
    aborts.remove(control.signal, each)
    aborts.remove(control.signal, each)
  }
  control.abort()
  for (const each of listeners) {
    if (each.told !== (left.includes(each) ? 0 : 1)) t.fail(`told ${each.told} times`)
  }
  t.equal(bystander.told, 0)
  aborts.remove(other.signal, bystander)
  t.strictSame(getEventListeners(other.signal, 'abort'), [], 'and none where nobody is left')
  other.abort()
  t.equal(bystander.told, 0)
  t.end()
})
