import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))

test('without Rust the native commands say in one line what is missing, which fails where CI is set', async (t) => {
  const empty = mkdtempSync(join(tmpdir(), 'dyad-no-rust-'))
  try {
    for (const script of ['build-native', 'test-native']) {
      for (const [CI, status] of [
        ['', 0],
        ['1', 1],
      ] as const) {
        const ended = spawnSync(process.execPath, [`${root}scripts/${script}.mjs`], {
          env: { PATH: empty, CI },
          encoding: 'utf8',
        })
        t.match(ended, { status, stderr: '' }, `${script}, CI='${CI}'`)
        t.match(ended.stdout, /^native: .*(Rust|no native build).*\n$/)
      }
    }
  } finally {
    rmSync(empty, { recursive: true })
  }
})

test('a cargo that does not work is told apart from one that is missing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dyad-bad-rust-'))
  try {
    writeFileSync(join(folder, 'cargo'), '#!/bin/sh\necho no toolchain is here >&2\nexit 1\n', { mode: 0o755 })
    const env = { PATH: `${folder}:/usr/bin:/bin`, HOME: folder }
    const ended = spawnSync(process.execPath, [`${root}scripts/build-native.mjs`], { env, encoding: 'utf8' })
    t.match(ended, { status: 0, stderr: '', stdout: /^native: .*(no toolchain is here|no native build).*\n$/ })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('cargo finds its toolchains where rustup was installed in another home', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'dyad-other-home-'))
  try {
    mkdirSync(join(home, '.cargo/bin'), { recursive: true })
    mkdirSync(join(home, '.rustup'))
    // What rustup leaves in a home without toolchains.
    mkdirSync(join(home, 'empty/.rustup'), { recursive: true })
    const script = '#!/bin/sh\necho "$RUSTUP_HOME" >&2\nexit 1\n'
    writeFileSync(join(home, '.cargo/bin/cargo'), script, { mode: 0o755 })
    const env = { PATH: `${home}/.cargo/bin:/usr/bin:/bin`, HOME: join(home, 'empty') }
    const ended = spawnSync(process.execPath, [`${root}scripts/build-native.mjs`], { env, encoding: 'utf8' })
    t.ok(ended.stdout.includes(`${home}/.rustup`) || ended.stdout.includes('no native build'), ended.stdout)
  } finally {
    rmSync(home, { recursive: true })
  }
})

test('the packages of the platforms are those that @napi-rs/cli lays out, with the library beside', async (t) => {
  const scratch = mkdtempSync(join(tmpdir(), 'dyad-napi-'))
  try {
    cpSync(`${root}packages/native/package.json`, `${scratch}/package.json`)
    symlinkSync(`${root}packages/native/node_modules`, `${scratch}/node_modules`)
    const cli = `${scratch}/node_modules/@napi-rs/cli/dist/cli.js`
    const made = spawnSync(process.execPath, [cli, 'create-npm-dirs'], { cwd: scratch, encoding: 'utf8' })
    t.equal(made.status, 0, made.stderr)
    const platforms = readdirSync(`${scratch}/npm`)
    t.same(readdirSync(`${root}packages/native/npm`), platforms)
    t.ok(platforms.length > 0)
    for (const platform of platforms) {
      const [laidOut, ours] = [scratch, `${root}packages/native`].map((folder) =>
        JSON.parse(readFileSync(`${folder}/npm/${platform}/package.json`, 'utf8')),
      )
      t.same(ours, { ...laidOut, files: [...laidOut.files, 'libdyad_preload.so'] })
    }
  } finally {
    rmSync(scratch, { recursive: true })
  }
})
