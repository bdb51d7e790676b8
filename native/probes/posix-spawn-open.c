#include "probe.h"
/* The file is opened in the child, by the C library. */
extern char **environ;
void produce(const char *path) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT, 0644);
  char *arguments[] = {"printf", "%s", (char *)text_of(path), NULL};
  pid_t child;
  CHECK("posix_spawnp", posix_spawnp(&child, "printf", &actions, NULL, arguments, environ) == 0);
  int status;
  CHECK("waitpid", waitpid(child, &status, 0) == child && status == 0);
}


void consume(const char *path) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  CHECK("addopen", posix_spawn_file_actions_addopen(&actions, 0, path, O_RDONLY, 0) == 0);
  char *arguments[] = {"cat", NULL};
  pid_t child;
  CHECK("posix_spawnp", posix_spawnp(&child, "cat", &actions, NULL, arguments, environ) == 0);
  int status;
  CHECK("waitpid", waitpid(child, &status, 0) == child && status == 0);
}
