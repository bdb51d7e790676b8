/* Runs a program by the call that it is told. */
#define PROBE_HAS_MAIN
#include "probe.h"
extern char **environ;

int main(int argc, char **argv) {
  const char *how = argv[1], *path = argv[2];
  char *arguments[] = {argv[2], NULL};
  if (strcmp(how, "execve") == 0) execve(path, arguments, environ);
  if (strcmp(how, "execvp") == 0) execvp(path, arguments);
  if (strcmp(how, "execl") == 0) execl(path, path, (char *)NULL);
  if (strcmp(how, "execveat") == 0) syscall(SYS_execveat, AT_FDCWD, path, arguments, environ, 0);
  if (strncmp(how, "posix_spawn", 11) == 0) {
    pid_t child;
    int status;
    errno = (how[11] ? posix_spawnp : posix_spawn)(&child, path, NULL, NULL, arguments, environ);
    if (errno == 0) return waitpid(child, &status, 0) == child && status == 0 ? 0 : 99;
  }
  fail(how);
}
