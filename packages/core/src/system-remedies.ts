/** What to do about what the system refuses, by the name of its error. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'Check the spelling of the path, or create what is missing.',
  EEXIST: 'A file stands where a directory must be: remove it, or choose another path.',
  ENOTDIR: 'A file stands where a directory must be: remove it, or choose another path.',
  EISDIR: 'A directory stands where a file must be: name a file, or choose another path.',
  ELOOP: 'The path has too many symbolic links, or they lead in a circle: correct them.',
  ENAMETOOLONG: 'Use a shorter path: at most 255 bytes a name and 4,095 bytes in all.',
  ENOSPC: 'Free some space on that file system, then try again.',
  EDQUOT: 'Free some space within the quota of this user, then try again.',
  EFBIG: 'Raise the limit of file sizes (`ulimit -f`), or use another file system.',
  EROFS: 'The file system is mounted read-only: choose another directory.',
  EACCES: 'Give this user access to the path and to the directories above it.',
  EPERM: 'Give this user access to the path and to the directories above it.',
  EMFILE: 'Raise the limit of open files (`ulimit -n`), then try again.',
  ENFILE: 'This host has too many files open: close some, then try again.',
  EBUSY: 'End the process that uses it, or choose another path.',
  ETXTBSY: 'End the program that runs from this file, then try again.',
  EIO: 'Check the disk and the system log of that host.',
  ENOMEM: 'This host has no memory left: end some processes, then try again.',
}

/** What to do about an error of the system; undefined if there is no advice for it. */
export function systemRemedy(code: string | undefined): string | undefined {
  return code === undefined ? undefined : REMEDIES[code]
}
