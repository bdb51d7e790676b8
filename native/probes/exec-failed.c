#include "probe.h"
/* An exec that fails leaves the descriptor as it was. */
void produce(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  CHECK("open", fd >= 0);
  const char *text = text_of(path);
  CHECK("write", write(fd, text, 4) == 4);
  char *arguments[] = {"nothing", NULL};
  CHECK("execv", execv("/nonexistent/program", arguments) == -1 && errno == ENOENT);
  CHECK("flags", fcntl(fd, F_GETFD) == FD_CLOEXEC);
  size_t rest = strlen(text) - 4;
  CHECK("write", write(fd, text + 4, rest) == (ssize_t)rest);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) { show_file(path); }
