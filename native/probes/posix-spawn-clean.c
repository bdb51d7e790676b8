#include "probe.h"
/* A child opens the file by its actions, and gets an empty environment. */
void produce(const char *path) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT, 0644);
  char *arguments[] = {"printf", "%s", (char *)text_of(path), NULL}, *environment[] = {NULL};
  pid_t child;
  CHECK("posix_spawn", posix_spawn(&child, "/usr/bin/printf", &actions, NULL, arguments, environment) == 0);
  int status;
  CHECK("waitpid", waitpid(child, &status, 0) == child && status == 0);
}

void consume(const char *path) { show_file(path); }
