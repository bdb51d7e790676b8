#include "probe.h"
/* The child of vfork ends while its parent still writes. */
void produce(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  CHECK("open", fd >= 0);
  const char *text = text_of(path);
  CHECK("write", write(fd, text, 4) == 4);
  pid_t child = vfork();
  if (child == 0) _exit(0);
  int status;
  CHECK("waitpid", waitpid(child, &status, 0) == child && status == 0);
  size_t rest = strlen(text) - 4;
  CHECK("write", write(fd, text + 4, rest) == (ssize_t)rest);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) { show_file(path); }
