import { type DeviceTrial, type HostReport, reportHost, tryDevices } from '@dyad-ts/rdma'
import type { Command } from 'commander'
import { printPrograms, reportPrograms } from './doctor-programs.js'
import { addExamples } from './examples.js'
import { EXIT_CODES } from './exit-codes.js'
import { addOptionFlags, givenOptions } from './flags.js'
import { bytes, print, printHeading, printJson } from './output.js'

export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description(
      'report whether this host can use RDMA verbs and run unmodified programs, and what to change; exits with 1 if it cannot use verbs',
    )
    .option('--try', 'connect each device with itself and write 256 MiB')
    .option('--json', 'print one JSON object')
    .action(async (flags: { try?: true; json?: true }) => {
      const report = reportHost()
      const programs = await reportPrograms(givenOptions(command))
      if (!flags.json) {
        printHeading(verdict(report))
        printReport(report)
        printPrograms(programs)
      }
      const trials = flags.try && report.isUsable ? await tryDevices() : undefined
      if (flags.json) printJson({ ...report, trials, programs })
      else if (trials !== undefined) printTrials(trials)
      if (!report.isUsable) process.exitCode = EXIT_CODES.failure.code
    })
  addOptionFlags(command, ['node', 'stateDir'])
  addExamples(command, 'dyad doctor', 'dyad doctor --try', 'dyad doctor --node n2 --json')
}

/** The exit code of the command, and its reason. */
function verdict({ isUsable, findings }: HostReport): string {
  if (isUsable) return 'exit code 0: files can move over RDMA here'
  const fault = findings.find(({ isFatal }) => isFatal)?.what
  const why = fault === undefined ? '' : `: ${fault}`
  return `exit code ${EXIT_CODES.failure.code}: files cannot move over RDMA here, and move over tcp${why}`
}

function printTrials(trials: readonly DeviceTrial[]): void {
  printHeading('tried: from this process into itself')
  for (const { address, connecting, speed } of trials) {
    print(`  ${address}  connected in ${connecting.toFixed(1)} ms, ${speed.toFixed(0)} MiB/s in writes of 1 MiB`)
  }
}

function printReport({ isUsable, koffi, devices, addresses, lockedMemory, findings }: HostReport): void {
  printHeading(`RDMA verbs ${isUsable ? 'can be used here' : 'cannot be used here; files move over tcp'}`)
  print(`  libraries      ${koffi === undefined ? 'not loaded' : `libibverbs and librdmacm, by koffi ${koffi}`}`)
  print(`  locked memory  ${lockedMemory === undefined ? 'unlimited' : `up to ${bytes(lockedMemory)} a process`}`)
  print(`  addresses      ${addresses.join(', ') || 'none'}`)
  for (const { name, firmware, hasMemoryWindows, ports } of devices) {
    printHeading(`device ${name}`)
    print(`  firmware ${firmware}, ${hasMemoryWindows ? 'memory windows' : 'no memory windows'}`)
    for (const { number, state, linkLayer, mtu, maxMessage, gids } of ports) {
      print(`  port ${number}  ${state}, ${linkLayer}, MTU ${mtu}, messages up to ${bytes(maxMessage)}`)
      for (const { index, gid, type } of gids) print(`    gid ${index}  ${gid}  ${type}`)
    }
  }
  printHeading('what to change')
  if (findings.length === 0) print('  nothing')
  for (const { isFatal, what, remedy } of findings) {
    print(`  ${isFatal ? 'needed' : 'better'}: ${what}`)
    print(`    ${remedy}`)
  }
}
