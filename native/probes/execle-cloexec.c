/* More arguments than there are registers, and an environment; exec closes the descriptor. */
#include "probe.h"

void produce(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  CHECK("open", fd >= 0);
  write_text(fd, path);
  char *environment[] = {"WORD=nine", NULL};
  const char *script = "[ \"$0$1$2$3$4$5$6$7$WORD\" = 12345678nine ] || echo wrong >&2";
  execle("/bin/sh", "sh", "-c", script, "1", "2", "3", "4", "5", "6", "7", "8", (char *)NULL, environment);
  fail("execle");
}

void consume(const char *path) { show_file(path); }
