/*
 * Files are closed while another thread starts children, which hold copies of their descriptors
 * until their exec.
 */
#include "probe.h"

extern char **environ;
static volatile int done;

static void *start_children(void *unused) {
  char *arguments[] = {"true", NULL};
  while (!done) {
    pid_t child;
    CHECK("posix_spawn", posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ) == 0);
    waitpid(child, NULL, 0);
  }
  return NULL;
}

void produce(const char *path) {
  pthread_t thread;
  /* The children need not look for files of their own. */
  unsetenv("LD_PRELOAD");
  CHECK("pthread_create", pthread_create(&thread, NULL, start_children, NULL) == 0);
  for (int i = 0; i < 300; i++) {
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s.%d", path, i);
    int fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    CHECK("open", fd >= 0);
    CHECK("write", write(fd, "x", 1) == 1);
    CHECK("close", close(fd) == 0);
  }
  done = 1;
  pthread_join(thread, NULL);
  make_file(path);
}

void consume(const char *path) {
  show_file(path);
  for (int i = 0; i < 300; i++) {
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s.%d", path, i);
    int fd = open(part, O_RDONLY);
    CHECK(part, fd >= 0);
    close(fd);
  }
}
