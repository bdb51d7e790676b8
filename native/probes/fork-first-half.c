#include "probe.h"
/* Parent and child write one descriptor; the child closes last. */
void produce(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  CHECK("open", fd >= 0);
  const char *text = text_of(path);
  CHECK("write", write(fd, text, 4) == 4);
  int go[2];
  CHECK("pipe", pipe(go) == 0);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    close(go[1]);
    /* The end of the pipe: the parent has closed the file. */
    read(go[0], &byte, 1);
    size_t rest = strlen(text) - 4;
    CHECK("write", write(fd, text + 4, rest) == (ssize_t)rest);
    CHECK("close", close(fd) == 0);
    _exit(0);
  }
  CHECK("close", close(fd) == 0);
  close(go[1]);
  int status;
  CHECK("waitpid", waitpid(child, &status, 0) == child && status == 0);
}

void consume(const char *path) { show_file(path); }
