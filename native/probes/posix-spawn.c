#include "probe.h"
/* A child inherits the descriptor; both write, and the last to end publishes. */
extern char **environ;
void produce(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  CHECK("open", fd >= 0);
  const char *text = text_of(path);
  CHECK("write", write(fd, text, 4) == 4);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fd, 1);
  char rest[PATH_MAX];
  snprintf(rest, sizeof rest, "%s", text + 4);
  char *arguments[] = {"sh", "-c", "sleep 0.2; printf %s \"$0\"", rest, NULL};
  pid_t child;
  CHECK("posix_spawnp", posix_spawnp(&child, "sh", &actions, NULL, arguments, environ) == 0);
  CHECK("close", close(fd) == 0);
  int status;
  CHECK("waitpid", waitpid(child, &status, 0) == child && status == 0);
}

void consume(const char *path) { show_file(path); }
